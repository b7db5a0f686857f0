// Memory of streams that comes and goes, and what happens when there is none. The file's own fallocate
// stands before libc's, so that one call can be refused.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "core/machine.h"
#include "test/support/host.h"

namespace {
int calls_until_failure = -1;  // -1: never
}

extern "C" int fallocate(int fd, int mode, off_t offset, off_t length) {
  if (calls_until_failure >= 0 && calls_until_failure-- == 0) {
    errno = ENOSPC;
    return -1;
  }
  return static_cast<int>(syscall(SYS_fallocate, fd, mode, offset, length));
}

namespace ur::test {
namespace {

constexpr uint64_t kStreamBytes = 8 * 4096 + (8 + 4) * 4096;  // request; response and stage

SegmentConfig elastic_config(uint32_t warm_streams) {
  SegmentConfig config = small_config();
  config.pools[0].slot_size = 4096;
  config.elastic = true;
  config.warm_streams = warm_streams;
  return config;
}

class ElasticTest : public ::testing::Test {
 protected:
  ~ElasticTest() override { calls_until_failure = -1; }

  uint64_t allocated(const Host& host) const {
    struct stat info = {};
    EXPECT_EQ(0, fstat(host.server()->file().fd(), &info));
    return static_cast<uint64_t>(info.st_blocks) * 512;
  }
  // Bytes of slots that have memory.
  uint64_t data(const Host& host) const {
    return allocated(host) - host.server()->geometry().control_size;
  }
};

TEST_F(ElasticTest, AFixedSegmentIsNeverSparse) {
  Host host;
  EXPECT_EQ(allocated(host), host.server()->size());
  const uint64_t id = host.open();
  host.finish(id);
  EXPECT_EQ(allocated(host), host.server()->size());
}

TEST_F(ElasticTest, StartsWithItsControlBlocksOnly) {
  Host host(elastic_config(2));
  EXPECT_EQ(data(host), 0U);
  host.open();
  EXPECT_EQ(data(host), kStreamBytes);
}

TEST_F(ElasticTest, GivesBackWhatIsAboveTheWarmMark) {
  Host host(elastic_config(1));
  const uint64_t ids[] = {host.open(), host.open(), host.open()};
  EXPECT_EQ(data(host), 3 * kStreamBytes);
  host.finish(ids[0]);
  EXPECT_EQ(data(host), 3 * kStreamBytes) << "one stays warm";
  host.finish(ids[1]);
  EXPECT_EQ(data(host), 2 * kStreamBytes);
  host.finish(ids[2]);
  EXPECT_EQ(data(host), 1 * kStreamBytes);
}

TEST_F(ElasticTest, WarmPlacesAreTakenFirst) {
  Host host(elastic_config(1));
  const uint64_t warm = host.open();
  const uint64_t cold = host.open();
  host.finish(warm);
  host.finish(cold);
  ASSERT_EQ(data(host), kStreamBytes);
  calls_until_failure = 0;
  EXPECT_EQ(stream_index(host.open()), stream_index(warm)) << "it has memory already";
  uint64_t id = 0;
  EXPECT_EQ(host.ingress().open(0, "test", &id), Status::kOutOfMemory);
  calls_until_failure = -1;
  EXPECT_OK(host.ingress().open(0, "test", &id));
}

TEST_F(ElasticTest, MemoryThatComesBackHoldsWhatIsWritten) {
  Host host(elastic_config(0));
  for (uint64_t round = 1; round <= 50; round++) {
    const uint64_t id = host.open();
    LaneWriter writer = request_writer(host, id);
    LaneReader reader = join(host.worker(1), id, kRequestLane);
    for (uint64_t slot = 1; slot <= 8; slot++) {
      const auto bytes = pattern(4096, slot, round);
      ASSERT_OK(writer.write(bytes.data(), 4096, kSlotBody));
    }
    SlotView views[8];
    uint32_t count = 0;
    ASSERT_OK(reader.tail(views, 8, &count));
    ASSERT_EQ(count, 8U);
    for (const SlotView& view : views) {
      ASSERT_TRUE(is_pattern(view.data, view.length, view.id, round));
      ASSERT_OK(reader.verify(view.id));
    }
    reader.leave();
    host.finish(id);
    ASSERT_EQ(data(host), 0U);
  }
}

TEST_F(ElasticTest, AShortageLeavesNothingBehindAndPasses) {
  Host host(elastic_config(0));
  for (int at : {0, 1}) {
    calls_until_failure = at;
    uint64_t id = 0;
    EXPECT_EQ(host.ingress().open(0, "test", &id), Status::kOutOfMemory);
    calls_until_failure = -1;
    EXPECT_EQ(data(host), 0U) << "failing call " << at;
  }
  for (int i = 0; i < 4; i++) host.open();
  EXPECT_EQ(data(host), 4 * kStreamBytes);
}

TEST_F(ElasticTest, WhatCouldNotBeGivenBackIsAllocatedAgainAllTheSame) {
  Host host(elastic_config(0));
  const uint64_t id = host.open();
  ASSERT_OK(host.ingress().close(id));
  calls_until_failure = 1;  // the request lane's memory goes, the response lane's stays
  ASSERT_OK(host.ingress().reclaim(id));
  calls_until_failure = -1;
  EXPECT_LT(data(host), kStreamBytes);
  for (int i = 0; i < 4; i++) host.open();
  EXPECT_EQ(data(host), 4 * kStreamBytes) << "no slot without memory: that would be a SIGBUS";
}

TEST_F(ElasticTest, AStreamLargerThanTheMachineIsRefusedAndTheOthersGoOn) {
  SegmentConfig config = elastic_config(0);
  PoolConfig huge = config.pools[0];
  huge.name = "huge";
  huge.streams = 1;
  huge.slot_size = kMaxSlotSize;
  huge.request_slots = static_cast<uint32_t>(machine_memory().total / kMaxSlotSize + 1);
  ASSERT_LE(huge.request_slots, kMaxSlotsPerLane);
  config.pools.push_back(huge);
  Host host(config);
  uint64_t id = 0;
  EXPECT_EQ(host.ingress().open(1, "test", &id), Status::kOutOfMemory);
  EXPECT_OK(host.ingress().open(0, "test", &id));
  EXPECT_EQ(data(host), kStreamBytes);
}

}  // namespace
}  // namespace ur::test
