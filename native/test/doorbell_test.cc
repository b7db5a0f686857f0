#include "core/doorbell.h"

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "core/clock.h"
#include "core/futex.h"
#include "test/support/host.h"
#include "test/support/waiting.h"

namespace ur::test {
namespace {

// Sleeps until it is rung, or a ring that came late wakes it. False when the watchdog's time is over:
// what is found then was not rung.
bool sleep_well(Doorbell& doorbell) {
  const uint64_t began = monotonic_ns();
  doorbell.wait(kWatchdog);
  return monotonic_ns() - began < kWatchdog;
}

class DoorbellTest : public ::testing::Test {
 protected:
  Host host_;
  Segment* server_ = host_.server();
};

TEST_F(DoorbellTest, SignalsNameTheStreamsOnce) {
  ring(*server_, 1, 3);
  ring(*server_, 1, 0);
  ring(*server_, 1, 3);
  EXPECT_TRUE(has_signals(*server_, 1));
  uint32_t streams[4];
  ASSERT_EQ(take_signals(*server_, 1, streams, 4), 2U);
  EXPECT_EQ(streams[0], 0U);
  EXPECT_EQ(streams[1], 3U);
  EXPECT_EQ(take_signals(*server_, 1, streams, 4), 0U);
  EXPECT_FALSE(has_signals(*server_, 1));
}

TEST_F(DoorbellTest, WhatDoesNotFitStaysSignalled) {
  for (uint32_t s = 0; s < 4; s++) ring(*server_, 2, s);
  uint32_t streams[4];
  EXPECT_EQ(take_signals(*server_, 2, streams, 0), 0U);
  ASSERT_EQ(take_signals(*server_, 2, streams, 3), 3U);
  ASSERT_EQ(take_signals(*server_, 2, streams, 3), 1U);
  EXPECT_EQ(streams[0], 3U);
}

TEST_F(DoorbellTest, StreamsThatDoNotExistAreNotReported) {
  server_->signals(1)[0].store(~0ULL);
  uint32_t streams[64];
  EXPECT_EQ(take_signals(*server_, 1, streams, 64), 4U);
}

TEST_F(DoorbellTest, RowsThatDoNotExistAreNotRung) {
  ring(*server_, 8, 0);
  ring(*server_, kNoIndex, 0);
  ring_all(*server_, ~0ULL, 0);
  for (uint32_t w = 0; w < 8; w++) EXPECT_TRUE(has_signals(*server_, w)) << w;
}

TEST_F(DoorbellTest, WaitTellsWhetherItWasRung) {
  Doorbell doorbell(*server_, 1);
  EXPECT_TRUE(doorbell.wait(kWatchdog)) << "it may have been rung before";
  EXPECT_FALSE(doorbell.wait(1'000'000));
  ring_plain(*server_, 1);
  EXPECT_TRUE(doorbell.wait(kWatchdog)) << "rung before it slept";
  EXPECT_FALSE(doorbell.wait(0));
  // The ringer died between its two steps: found when the sleep is over.
  server_->signals(1)[0].store(1);
  EXPECT_TRUE(doorbell.wait(1'000'000));
}

// Two threads ring each other's row; each answers one ring with one. A lost wake stops both.
TEST_F(DoorbellTest, NoRingIsLostBetweenThreads) {
  constexpr uint32_t kRounds = 20000;
  std::atomic<uint32_t> rounds[2] = {0, 0};
  std::atomic<bool> late{false};
  const auto player = [&](uint32_t self) {
    Doorbell doorbell(*server_, self + 1);
    if (self == 0) ring(*server_, 2, 0);
    for (uint32_t i = 0; i < kRounds && !late;) {
      if (!sleep_well(doorbell)) late = true;
      uint32_t streams[4];
      if (take_signals(*server_, self + 1, streams, 4) == 0) continue;
      rounds[self]++;
      i++;
      ring(*server_, 2 - self, 0);
    }
  };
  std::thread one(player, 0);
  std::thread two(player, 1);
  one.join();
  two.join();
  EXPECT_FALSE(late);
  EXPECT_EQ(rounds[0], kRounds);
  EXPECT_EQ(rounds[1], kRounds);
}

// A reader and a writer that park whenever they can; both must come to the end.
TEST_F(DoorbellTest, ParkedReadersAndWritersAreNeverLeftAsleep) {
  constexpr uint64_t kSlots = 20000;
  const uint64_t id = host_.open();
  Segment* worker = host_.worker(1);
  LaneReader reader = join(worker, id, kRequestLane);
  std::atomic<bool> late{false};
  std::thread writing([&] {
    Doorbell doorbell(*server_, 0);
    LaneWriter writer = request_writer(host_, id);
    const uint8_t byte = 7;
    while (writer.last() < kSlots && !late) {
      const Status status = writer.write(&byte, 1, kSlotBody);
      if (status == Status::kFull && writer.park() == Status::kFull) {
        if (!sleep_well(doorbell)) late = true;
        forget_rings(*server_, 0);
      }
    }
  });
  Doorbell doorbell(*worker, 1);
  while (reader.position() < kSlots && !late) {
    SlotView views[3];
    uint32_t count = 0;
    ASSERT_OK(reader.tail(views, 3, &count));
    if (count > 0) {
      ASSERT_OK(reader.ack(reader.position()));
    } else if (reader.park() == Status::kEmpty) {
      if (!sleep_well(doorbell)) late = true;
      forget_rings(*worker, 1);
    }
  }
  writing.join();
  EXPECT_FALSE(late) << "reader at " << reader.position();
}

TEST(FutexTest, WakesAnotherProcess) {
  Host host;
  AtomicU32* word = &host.row(1).doorbell;
  MemoryFile file;
  ASSERT_OK(host.server()->file().reopen(true, &file));
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    std::unique_ptr<Segment> segment;
    std::string detail;
    if (Segment::attach(std::move(file), Segment::Access::kWorker, &segment, &detail) !=
        Status::kOk) {
      _exit(2);
    }
    Doorbell doorbell(*segment, 1);
    if (!doorbell.wait(kWatchdog)) _exit(3);
    segment->worker(1).pid.store(1);  // ready
    _exit(doorbell.wait(kWatchdog) ? 0 : 1);
  }
  ASSERT_TRUE(eventually([&] { return host.row(1).pid.load() == 1; }));
  ASSERT_TRUE(eventually([&] { return host.row(1).asleep.load() == 1; }));
  ring_plain(*host.server(), 1);
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(word->load(), 1U);
}

TEST(FutexTest, DoesNotSleepOnAnotherValue) {
  AtomicU32 word{5};
  futex_wait(&word, 4, kWatchdog);
  const uint64_t began = monotonic_ns();
  futex_wait(&word, 5, 1'000'000);
  EXPECT_GE(monotonic_ns() - began, 500'000U);
  futex_wake(&word);
}

}  // namespace
}  // namespace ur::test
