#include "core/segment.h"

#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstring>
#include <thread>

#include "core/verdict.h"
#include "test/support/host.h"

namespace ur::test {
namespace {

class SegmentTest : public ::testing::Test {
 protected:
  // Attaches to the host's file as it is now.
  Status attach(Segment::Access access = Segment::Access::kWorker) {
    MemoryFile file;
    EXPECT_OK(host_.server()->file().reopen(access != Segment::Access::kMonitor, &file));
    detail_.clear();
    return Segment::attach(std::move(file), access, &attached_, &detail_);
  }
  template <typename T>
  Status attach_with(T* word, T value) {
    const T before = *word;
    *word = value;
    const Status status = attach();
    EXPECT_NE(status == Status::kOk, detail_.empty() == false) << detail_;
    *word = before;
    EXPECT_OK(attach());
    return status;
  }
  SegmentHeader& header() { return host_.server()->header(); }
  PoolRow* pools() {
    return reinterpret_cast<PoolRow*>(host_.server()->base() + header().pool_table_offset);
  }

  Host host_;
  std::unique_ptr<Segment> attached_;
  std::string detail_;
};

TEST_F(SegmentTest, AnAttacherSeesTheSameGeometry) {
  ASSERT_OK(attach());
  const Geometry& one = host_.server()->geometry();
  const Geometry& other = attached_->geometry();
  EXPECT_EQ(other.total_size, one.total_size);
  EXPECT_EQ(other.observers, one.observers);
  EXPECT_EQ(other.pools[0].config.stages, one.pools[0].config.stages);
  EXPECT_EQ(other.pools[0].config.name, "main");
  EXPECT_EQ(other.signal_words, one.signal_words);
  EXPECT_EQ(attached_->self(), kNoIndex);
  EXPECT_EQ(0, std::memcmp(attached_->header().boot_uuid, header().boot_uuid, 16));
}

TEST_F(SegmentTest, ChecksTheWholeHeader) {
  SegmentHeader& head = header();
  EXPECT_EQ(attach_with(&head.magic, uint64_t{1}), Status::kSegmentCorrupt);
  EXPECT_EQ(attach_with(&head.abi_major, 2U), Status::kAbiMismatch);
  EXPECT_OK(attach_with(&head.abi_minor, 9U));
  EXPECT_EQ(attach_with(&head.endian_tag, 0x04030201U), Status::kSegmentCorrupt);
  EXPECT_EQ(attach_with(&head.header_size, 1023U), Status::kSegmentCorrupt);
  EXPECT_EQ(attach_with(&head.total_size, head.total_size - 1), Status::kSegmentCorrupt);
  EXPECT_EQ(attach_with(&head.features_required, uint64_t{1}), Status::kAbiMismatch);
  EXPECT_OK(attach_with(&head.features_optional, uint64_t{1}));
  for (uint32_t count : {0U, 17U, 2U, ~0U}) {
    EXPECT_EQ(attach_with(&head.pool_count, count), Status::kSegmentCorrupt) << count;
  }
  for (uint32_t count : {0U, 64U, 7U, ~0U}) {
    EXPECT_EQ(attach_with(&head.worker_count, count), Status::kSegmentCorrupt) << count;
  }
  for (uint32_t count : {9U, ~0U}) {
    EXPECT_EQ(attach_with(&head.observer_count, count), Status::kSegmentCorrupt) << count;
  }
  EXPECT_EQ(attach_with(&head.stream_count, 5U), Status::kSegmentCorrupt);
  for (uint64_t* offset :
       {&head.pool_table_offset, &head.pool_stride, &head.worker_table_offset, &head.worker_stride,
        &head.signal_table_offset, &head.signal_stride, &head.stream_table_offset,
        &head.stream_stride, &head.request_data_begin, &head.request_data_end}) {
    EXPECT_EQ(attach_with(offset, *offset + 128), Status::kSegmentCorrupt)
        << offset - &head.pool_table_offset;
  }
  for (SegmentState state : {SegmentState::kInit, SegmentState::kClosing, SegmentState::kDead}) {
    head.state.store(static_cast<uint32_t>(state));
    EXPECT_EQ(attach(), Status::kServerGone);
  }
}

TEST_F(SegmentTest, ChecksEveryPoolRow) {
  PoolRow& row = pools()[0];
  for (uint32_t* word :
       {&row.first_stream, &row.stream_count, &row.slot_size, &row.slot_stride, &row.request_slots,
        &row.response_slots, &row.stage_slots, &row.stage_count, &row.readers_per_lane,
        &row.lane_stride}) {
    for (uint32_t value : {*word + 1, 0U, ~0U}) {
      if (value == *word) continue;
      EXPECT_EQ(attach_with(word, value), Status::kSegmentCorrupt)
          << word - &row.first_stream << " " << value;
    }
  }
  for (uint64_t* word : {&row.lane_offset, &row.slot_header_offset, &row.slot_header_stride,
                         &row.request_data_offset, &row.request_data_stride,
                         &row.response_data_offset, &row.response_data_stride}) {
    EXPECT_EQ(attach_with(word, *word + 64), Status::kSegmentCorrupt);
  }
  EXPECT_EQ(attach_with(&row.name[0], '\0'), Status::kSegmentCorrupt);
  std::memset(row.name, 'n', sizeof row.name);
  EXPECT_EQ(attach(), Status::kSegmentCorrupt) << "a name without an end";
}

TEST_F(SegmentTest, ATooShortOrUnsealedFileIsRefused) {
  MemoryFile tiny;
  ASSERT_OK(tiny.create(1023, &detail_));
  EXPECT_EQ(Segment::attach(std::move(tiny), Segment::Access::kWorker, &attached_, &detail_),
            Status::kSegmentCorrupt);
  MemoryFile empty;
  ASSERT_OK(empty.create(4096, &detail_));
  EXPECT_EQ(Segment::attach(std::move(empty), Segment::Access::kWorker, &attached_, &detail_),
            Status::kServerGone);
  const int fd = memfd_create("unsealed", MFD_CLOEXEC);
  ASSERT_EQ(ftruncate(fd, 8192), 0);
  EXPECT_EQ(Segment::attach(MemoryFile(fd), Segment::Access::kWorker, &attached_, &detail_),
            Status::kSegmentCorrupt);
  EXPECT_NE(detail_.find("shrink"), std::string::npos);
  MemoryFile none;
  EXPECT_EQ(Segment::attach(std::move(none), Segment::Access::kWorker, &attached_, &detail_),
            Status::kSegmentCorrupt);
}

// Counts are read once: a worker that changes them while another attaches leads nobody astray.
TEST_F(SegmentTest, CountsThatChangeDuringAttachDoNoHarm) {
  std::atomic<bool> stop{false};
  std::thread thread([&] {
    auto* observers = reinterpret_cast<std::atomic<uint32_t>*>(&header().observer_count);
    auto* stages = reinterpret_cast<std::atomic<uint32_t>*>(&pools()[0].stage_count);
    while (!stop) {
      for (uint32_t value : {2U, 0xFFFFFFF0U}) observers->store(value, std::memory_order_relaxed);
      for (uint32_t value : {1U, 0xFFFFFFF0U}) stages->store(value, std::memory_order_relaxed);
    }
  });
  for (int i = 0; i < 300; i++) {
    const Status status = attach();
    EXPECT_TRUE(status == Status::kOk || status == Status::kSegmentCorrupt);
    attached_.reset();
  }
  stop = true;
  thread.join();
}

TEST_F(SegmentTest, LanesAreFoundByIdAndOnlyThose) {
  const uint64_t id = host_.open();
  LaneRef lane;
  ASSERT_OK(host_.server()->lane(id, kResponseLane, &lane));
  EXPECT_EQ(lane.stream_id(), id);
  EXPECT_EQ(lane.slots, 8U);
  ASSERT_OK(host_.server()->lane(id, kFirstStageLane, &lane));
  EXPECT_EQ(lane.slots, 4U);
  EXPECT_EQ(host_.server()->lane(id, 3, &lane), Status::kInvalidArgument);
  EXPECT_EQ(host_.server()->lane(id, ~0U, &lane), Status::kInvalidArgument);
  EXPECT_EQ(host_.server()->lane(make_stream_id(1, 4), 0, &lane), Status::kInvalidArgument);
  EXPECT_EQ(host_.server()->lane(make_stream_id(2, stream_index(id)), 0, &lane),
            Status::kStaleStream);
}

TEST_F(SegmentTest, PoolsAreFoundByStream) {
  SegmentConfig config = small_config();
  config.pools.push_back(config.pools[0]);
  config.pools[1].name = "small";
  config.pools[1].streams = 3;
  config.pools[1].stages.clear();
  Host host(config);
  for (uint32_t s = 0; s < 7; s++) EXPECT_EQ(host.server()->pool_index_of(s), s < 4 ? 0U : 1U);
  const uint64_t id = host.open(1);
  EXPECT_GE(stream_index(id), 4U);
  LaneWriter writer = request_writer(host, id);
  write_slots(writer, 8);
  LaneReader reader = join(host.worker(1), id, kRequestLane);
  EXPECT_EQ(tail_count(reader), 8U);
}

TEST(StatusOfNumberTest, TakesAnyNumber) {
  EXPECT_EQ(status_of_number(static_cast<uint32_t>(-static_cast<int>(Status::kClientGone))),
            Status::kClientGone);
  for (uint32_t number : {0U, 999U, 1000U, 0x7FFFFFFFU, 0x80000000U, 0xFFFFFFFFU}) {
    EXPECT_EQ(status_of_number(number), Status::kSegmentCorrupt) << number;
  }
}

class SegmentDeathTest : public SegmentTest {
 protected:
  void SetUp() override { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

TEST_F(SegmentDeathTest, AWorkerCannotWriteRequestData) {
  ASSERT_OK(attach());
  uint8_t* const request = attached_->base() + attached_->geometry().request_data_begin;
  uint8_t* const response = attached_->base() + attached_->geometry().request_data_end;
  *response = 1;
  EXPECT_EQ(*request, 0);
  EXPECT_DEATH(*request = 1, "");
  EXPECT_DEATH(*(response - 1) = 1, "");
}

TEST_F(SegmentDeathTest, AMonitorCannotWriteAnything) {
  ASSERT_OK(attach(Segment::Access::kMonitor));
  EXPECT_DEATH(attached_->header().serial.store(1), "");
  EXPECT_DEATH(*(attached_->base() + attached_->size() - 1) = 1, "");
}

}  // namespace
}  // namespace ur::test
