// The slot's lock word: pins against the writer; and copies without a place (seqlock).
#include <atomic>
#include <thread>

#include "core/doorbell.h"
#include "core/lane_reader.h"
#include "core/shared_copy.h"
#include "test/support/host.h"

namespace ur::test {
namespace {

constexpr uint32_t kSlots = 8;

class SlotLockTest : public ::testing::Test {
 protected:
  // Lets the writer go round once more.
  void lap(LaneReader& reader) {
    tail_count(reader);
    ASSERT_OK(reader.ack(reader.position()));
    write_slots(writer_, kSlots);
  }

  Host host_;
  uint64_t id_ = host_.open();
  LaneRef lane_ = host_.request(id_);
  LaneWriter writer_ = request_writer(host_, id_);
  LaneReader reader_ = join(host_.worker(1), id_, kRequestLane);
};

TEST_F(SlotLockTest, APinKeepsASlotBeyondItsAcknowledgement) {
  write_slots(writer_, kSlots);
  tail_count(reader_);
  ASSERT_OK(reader_.pin(3));
  ASSERT_OK(reader_.ack(kSlots));
  write_slots(writer_, 2);
  uint8_t* slot = nullptr;
  EXPECT_EQ(writer_.reserve(&slot), Status::kPinned);
  EXPECT_TRUE(is_pattern(lane_.slot_data(3), 100, 3));
  EXPECT_OK(reader_.verify(3));
  reader_.unpin(3);
  EXPECT_OK(writer_.reserve(&slot));
}

TEST_F(SlotLockTest, APinThatComesTooLateSaysSoAndLeavesNothing) {
  write_slots(writer_, kSlots);
  lap(reader_);
  EXPECT_EQ(reader_.pin(1), Status::kLapped);
  EXPECT_EQ(lane_.header(1).pins.load(), 0U);
  EXPECT_EQ(reader_.pin(100), Status::kLapped) << "not written yet";
  tail_count(reader_);
  ASSERT_OK(reader_.ack(9));
  uint8_t* slot = nullptr;
  ASSERT_OK(writer_.reserve(&slot));
  EXPECT_EQ(reader_.pin(17), Status::kLapped) << "being written";
  EXPECT_EQ(lane_.header(17).pins.load(), kWriterBit);
}

TEST_F(SlotLockTest, IdsThatCannotBeAreNotPinned) {
  EXPECT_EQ(reader_.pin(0), Status::kLapped) << "a slot never written has seq 0";
  write_slots(writer_, 1);
  EXPECT_EQ(reader_.pin((1ULL << 63) + 1), Status::kLapped) << "2 * id has gone round";
  EXPECT_TRUE(lane_.header(0).pins.load() == 0 && lane_.header(1).pins.load() == 0);
}

TEST_F(SlotLockTest, AFailedPinLeavesAnOlderOneOfTheSameProcessAlone) {
  write_slots(writer_, 1);
  tail_count(reader_);
  ASSERT_OK(reader_.pin(1));
  EXPECT_EQ(reader_.pin(1 + kSlots), Status::kLapped);
  EXPECT_EQ(lane_.header(1).pins.load(), 1ULL << 1);
  reader_.unpin(1);
}

TEST_F(SlotLockTest, APinOutlivesItsReadersPlace) {
  write_slots(writer_, 1);
  tail_count(reader_);
  ASSERT_OK(reader_.pin(1));
  reader_.leave();
  EXPECT_EQ(lane_.header(1).pins.load(), 1ULL << 1);
  ASSERT_OK(host_.ingress().close(id_));
  EXPECT_EQ(host_.ingress().reclaim(id_), Status::kFull);
  reader_.unpin(1);
  EXPECT_EQ(lane_.header(1).pins.load(), 0U);
  EXPECT_TRUE(take_ring(*host_.server(), 0, lane_.stream));
  EXPECT_OK(host_.ingress().reclaim(id_));
}

TEST_F(SlotLockTest, AClosedStreamTakesNoNewPin) {
  write_slots(writer_, 1);
  tail_count(reader_);
  host_.ingress().evict(lane_, 1);
  ASSERT_OK(host_.ingress().close(id_));
  EXPECT_EQ(reader_.pin(1), Status::kLapped);
  ASSERT_OK(host_.ingress().reclaim(id_));
  EXPECT_EQ(reader_.pin(1), Status::kLapped) << "its memory may have been given back";
  EXPECT_EQ(lane_.header(1).pins.load(), 0U);
}

TEST_F(SlotLockTest, CopiesWithoutAPlace) {
  const uint8_t end = 0;
  uint8_t into[1024];
  uint32_t length = 0;
  uint32_t flags = 0;
  const LaneRef lane = lane_of(*host_.worker(2), id_, kRequestLane);
  EXPECT_EQ(copy_slot(lane, 0, into, 1024, &length, &flags), Status::kEmpty);
  EXPECT_EQ(copy_slot(lane, 1, into, 1024, &length, &flags), Status::kEmpty);
  write_slots(writer_, kSlots);
  ASSERT_OK(copy_slot(lane, 1, into, 1024, &length, &flags));
  EXPECT_EQ(length, 100U);
  EXPECT_EQ(flags, static_cast<uint32_t>(kSlotBody));
  EXPECT_TRUE(is_pattern(into, 100, 1));
  EXPECT_EQ(copy_slot(lane, 1, into, 99, &length, &flags), Status::kSlotTooLarge);
  EXPECT_OK(copy_slot(lane, 1, into, 100, &length, &flags));
  lap(reader_);
  EXPECT_EQ(copy_slot(lane, 1, into, 1024, &length, &flags), Status::kLapped);
  EXPECT_EQ(copy_slot(lane, ~0ULL, into, 1024, &length, &flags), Status::kEmpty);
  tail_count(reader_);
  ASSERT_OK(reader_.ack(9));
  ASSERT_OK(writer_.write(&end, 0, kSlotEnd));
  ASSERT_OK(copy_slot(lane, 17, into, 0, &length, &flags));
  EXPECT_EQ(flags, static_cast<uint32_t>(kSlotEnd));
  lane_.header(16).length.store(5000);
  EXPECT_EQ(copy_slot(lane, 16, into, 1024, &length, &flags), Status::kLapped);
}

TEST_F(SlotLockTest, CopiesOfAnEarlierStreamFail) {
  uint8_t into[1024];
  uint32_t length = 0;
  uint32_t flags = 0;
  const LaneRef lane = lane_of(*host_.worker(2), id_, kRequestLane);
  write_slots(writer_, 1);
  reader_.leave();
  host_.finish(id_);
  uint64_t next = 0;
  while (stream_index(next) != stream_index(id_) || next == 0) next = host_.open();
  LaneWriter writer = request_writer(host_, next);
  write_slots(writer, 1);
  EXPECT_EQ(copy_slot(lane, 1, into, 1024, &length, &flags), Status::kStaleStream);
}

// A copy that is torn must be reported; one that is not must be right.
TEST_F(SlotLockTest, ACopyIsNeverTorn) {
  const LaneRef lane = lane_of(*host_.worker(2), id_, kRequestLane);
  std::atomic<bool> stop{false};
  std::thread thread([&] {
    uint8_t bytes[1024];
    for (uint64_t id = 1; !stop; id++) {
      fill_pattern(bytes, 1024, id);
      while (writer_.write(bytes, 1024, kSlotBody) != Status::kOk) {
        tail_count(reader_);
        if (reader_.ack(reader_.position()) != Status::kOk) return;
      }
    }
  });
  uint64_t good = 0;
  uint64_t torn = 0;
  for (uint64_t round = 0; good < 2000 && round < 50'000'000; round++) {
    uint8_t into[1024];
    uint32_t length = 0;
    uint32_t flags = 0;
    const uint64_t last = lane.control->last.load(std::memory_order_acquire);
    const uint64_t id = last > kSlots - 2 ? last - (kSlots - 2) : last;
    if (copy_slot(lane, id, into, 1024, &length, &flags) != Status::kOk) continue;
    good++;
    if (length != 1024 || !is_pattern(into, length, id)) torn++;
  }
  stop = true;
  thread.join();
  EXPECT_GE(good, 2000U);
  EXPECT_EQ(torn, 0U);
}

}  // namespace
}  // namespace ur::test
