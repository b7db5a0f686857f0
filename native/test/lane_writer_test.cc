#include "core/lane_writer.h"

#include <algorithm>
#include <cstring>

#include "core/clock.h"
#include "core/doorbell.h"
#include "core/hash.h"
#include "test/support/host.h"

namespace ur::test {
namespace {

constexpr uint32_t kSlots = 8;
constexpr uint32_t kSlotSize = 1024;

class LaneWriterTest : public ::testing::Test {
 protected:
  Host host_;
  uint64_t id_ = host_.open();
  LaneRef lane_ = host_.request(id_);
  LaneWriter writer_ = request_writer(host_, id_);
  uint8_t* slot_ = nullptr;
  uint64_t taken_ = 0;
};

TEST_F(LaneWriterTest, PublishesASlotWithEverythingInItsHeader) {
  const uint64_t before = monotonic_ns();
  const auto bytes = pattern(777, 1);
  ASSERT_OK(writer_.write(bytes.data(), 777, kSlotHead));
  const SlotHeader& header = lane_.header(1);
  EXPECT_EQ(header.seq.load(), 2U);
  EXPECT_EQ(header.length.load(), 777U);
  EXPECT_EQ(header.flags.load(), static_cast<uint32_t>(kSlotHead));
  EXPECT_EQ(header.xxh3.load(), xxh3_64(bytes.data(), bytes.size()));
  EXPECT_EQ(header.pins.load(), 0U);
  EXPECT_GE(header.timestamp_ns.load(), before);
  EXPECT_LE(header.timestamp_ns.load(), monotonic_ns());
  EXPECT_EQ(lane_.control->last.load(), 1U);
  EXPECT_EQ(writer_.last(), 1U);
  EXPECT_TRUE(is_pattern(lane_.slot_data(1), 777, 1));
}

TEST_F(LaneWriterTest, IsFullAfterOneRoundWithoutReaders) {
  write_slots(writer_, kSlots);
  EXPECT_EQ(writer_.write(reinterpret_cast<const uint8_t*>("x"), 1, kSlotBody), Status::kFull);
  EXPECT_EQ(writer_.reserve(&slot_), Status::kFull);
  EXPECT_EQ(writer_.park(), Status::kFull);
  EXPECT_EQ(writer_.blockers(), 0U) << "nobody stands in the way: nobody reads";
}

TEST_F(LaneWriterTest, WaitsForTheSlowestReader) {
  LaneReader fast = join(host_.worker(1), id_, kRequestLane);
  LaneReader slow = join(host_.worker(2), id_, kRequestLane);
  write_slots(writer_, kSlots);
  EXPECT_EQ(tail_count(fast), kSlots);
  EXPECT_EQ(tail_count(slow), kSlots);
  ASSERT_OK(fast.ack(kSlots));
  EXPECT_EQ(writer_.reserve(&slot_), Status::kFull);
  EXPECT_EQ(writer_.blockers(), 1ULL << 2);
  ASSERT_OK(slow.ack(1));
  write_slots(writer_, 1);
  EXPECT_EQ(writer_.reserve(&slot_), Status::kFull);
  slow.leave();
  write_slots(writer_, kSlots - 1);
  EXPECT_EQ(writer_.reserve(&slot_), Status::kFull);
  EXPECT_EQ(writer_.blockers(), 1ULL << 1);
}

TEST_F(LaneWriterTest, FailsOnAPinnedSlotAndNamesWhoPins) {
  LaneReader reader = join(host_.worker(3), id_, kRequestLane);
  write_slots(writer_, kSlots);
  tail_count(reader);
  ASSERT_OK(reader.pin(1));
  ASSERT_OK(reader.ack(kSlots));
  EXPECT_EQ(writer_.reserve(&slot_), Status::kPinned);
  EXPECT_EQ(writer_.blockers(), 1ULL << 3);
  EXPECT_EQ(writer_.park(), Status::kFull);
  EXPECT_TRUE(is_pattern(lane_.slot_data(1), 100, 1));
  reader.unpin(1);
  EXPECT_TRUE(take_ring(*host_.server(), 0, lane_.stream)) << "unpin rings a parked writer";
  write_slots(writer_, 1);
  EXPECT_TRUE(is_pattern(lane_.slot_data(9), 100, 9));
}

TEST_F(LaneWriterTest, AppendCoalescesAndStopsWhereTheLaneIsFull) {
  const auto bytes = pattern(kSlots * kSlotSize + 500, 1);
  ASSERT_OK(writer_.append(bytes.data(), 300, &taken_));
  EXPECT_EQ(taken_, 300U);
  EXPECT_EQ(lane_.control->last.load(), 0U) << "a slot that is not full is not published";
  ASSERT_OK(writer_.append(bytes.data() + 300, 1000, &taken_));
  EXPECT_EQ(taken_, 1000U);
  EXPECT_EQ(lane_.control->last.load(), 1U);
  ASSERT_OK(writer_.append(bytes.data() + 1300, bytes.size() - 1300, &taken_));
  EXPECT_EQ(taken_, kSlots * kSlotSize - 1300U);
  EXPECT_EQ(lane_.control->last.load(), kSlots);
  for (uint64_t id = 1; id <= kSlots; id++) {
    ASSERT_EQ(0, std::memcmp(lane_.slot_data(id), bytes.data() + (id - 1) * kSlotSize, kSlotSize));
    EXPECT_EQ(lane_.header(id).xxh3.load(), xxh3_64(lane_.slot_data(id), kSlotSize));
    EXPECT_EQ(lane_.header(id).flags.load(), static_cast<uint32_t>(kSlotBody));
  }
  ASSERT_OK(writer_.append(bytes.data(), 10, &taken_));
  EXPECT_EQ(taken_, 0U);
}

TEST_F(LaneWriterTest, FlushPublishesWhatAppendLeft) {
  ASSERT_OK(writer_.flush());
  EXPECT_EQ(writer_.last(), 0U) << "nothing there, nothing published";
  const auto bytes = pattern(10, 1);
  ASSERT_OK(writer_.append(bytes.data(), 10, &taken_));
  ASSERT_OK(writer_.flush());
  EXPECT_EQ(lane_.control->last.load(), 1U);
  EXPECT_EQ(lane_.header(1).length.load(), 10U);
  ASSERT_OK(writer_.flush());
  EXPECT_EQ(writer_.last(), 1U);
}

TEST_F(LaneWriterTest, WriteFlushesFirst) {
  const auto bytes = pattern(10, 1);
  ASSERT_OK(writer_.append(bytes.data(), 10, &taken_));
  ASSERT_OK(writer_.write(bytes.data(), 7, kSlotTrailers));
  ASSERT_OK(writer_.append(bytes.data(), 10, &taken_));
  ASSERT_OK(writer_.end());
  EXPECT_EQ(writer_.last(), 4U);
  EXPECT_EQ(lane_.header(2).flags.load(), static_cast<uint32_t>(kSlotTrailers));
  EXPECT_EQ(lane_.header(3).length.load(), 10U);
  EXPECT_EQ(lane_.header(4).flags.load(), static_cast<uint32_t>(kSlotEnd));
  EXPECT_EQ(lane_.header(4).length.load(), 0U);
}

TEST_F(LaneWriterTest, ReserveGivesTheSlotItselfUntilCommit) {
  ASSERT_OK(writer_.reserve(&slot_));
  EXPECT_EQ(slot_, lane_.slot_data(1));
  EXPECT_EQ(lane_.header(1).pins.load(), kWriterBit);
  EXPECT_EQ(lane_.header(1).seq.load(), 3U);
  uint8_t* again = nullptr;
  ASSERT_OK(writer_.reserve(&again));
  EXPECT_EQ(again, slot_);
  fill_pattern(slot_, kSlotSize, 1);
  EXPECT_EQ(writer_.commit(kSlotSize + 1, kSlotBody), Status::kSlotTooLarge);
  EXPECT_EQ(writer_.commit(0, kSlotBody), Status::kInvalidArgument);
  EXPECT_EQ(lane_.control->last.load(), 0U);
  ASSERT_OK(writer_.commit(kSlotSize, kSlotBody));
  EXPECT_EQ(writer_.commit(1, kSlotBody), Status::kInvalidArgument) << "nothing is reserved";
  EXPECT_EQ(lane_.header(1).xxh3.load(), xxh3_64(slot_, kSlotSize));
}

TEST_F(LaneWriterTest, ReserveDoesNotOverwriteWhatAppendLeft) {
  const auto bytes = pattern(10, 1);
  ASSERT_OK(writer_.append(bytes.data(), 10, &taken_));
  ASSERT_OK(writer_.reserve(&slot_));
  fill_pattern(slot_, 20, 2);
  ASSERT_OK(writer_.commit(20, kSlotBody));
  EXPECT_EQ(writer_.last(), 2U);
  EXPECT_EQ(lane_.header(1).length.load(), 10U);
  EXPECT_TRUE(is_pattern(lane_.slot_data(1), 10, 1));
  EXPECT_TRUE(is_pattern(lane_.slot_data(2), 20, 2));
}

TEST_F(LaneWriterTest, NothingFollowsTheEnd) {
  ASSERT_OK(writer_.end());
  EXPECT_TRUE(writer_.ended());
  const uint8_t byte = 1;
  EXPECT_EQ(writer_.write(&byte, 1, kSlotBody), Status::kLaneEnded);
  EXPECT_EQ(writer_.append(&byte, 1, &taken_), Status::kLaneEnded);
  EXPECT_EQ(writer_.reserve(&slot_), Status::kLaneEnded);
  EXPECT_EQ(writer_.end(), Status::kLaneEnded);
  EXPECT_EQ(writer_.park(), Status::kLaneEnded);
}

TEST_F(LaneWriterTest, ACommittedEndEndsToo) {
  ASSERT_OK(writer_.reserve(&slot_));
  ASSERT_OK(writer_.commit(0, kSlotEnd));
  EXPECT_TRUE(writer_.ended());
  EXPECT_EQ(writer_.reserve(&slot_), Status::kLaneEnded);
}

TEST_F(LaneWriterTest, RefusesSlotsThatTheFormatDoesNotKnow) {
  const auto bytes = pattern(kSlotSize + 1, 1);
  EXPECT_EQ(writer_.write(bytes.data(), kSlotSize + 1, kSlotBody), Status::kSlotTooLarge);
  EXPECT_EQ(writer_.write(bytes.data(), 0, kSlotBody), Status::kInvalidArgument);
  EXPECT_EQ(writer_.write(bytes.data(), 5, kSlotEnd), Status::kInvalidArgument) << "an end is empty";
  ASSERT_OK(writer_.reserve(&slot_));
  EXPECT_EQ(writer_.commit(5, kSlotEnd), Status::kInvalidArgument);
  EXPECT_EQ(writer_.last(), 0U);
}

TEST_F(LaneWriterTest, AnswersWhatBecameOfTheStream) {
  const uint8_t byte = 1;
  ASSERT_OK(host_.ingress().abort(id_, Status::kClientGone));
  EXPECT_EQ(writer_.write(&byte, 1, kSlotBody), Status::kClientGone);
  EXPECT_EQ(writer_.park(), Status::kClientGone);
  ASSERT_OK(host_.ingress().close(id_));
  EXPECT_EQ(writer_.write(&byte, 1, kSlotBody), Status::kClientGone) << "the reason outlives close";
  ASSERT_OK(host_.ingress().reclaim(id_));
  for (int i = 0; i < 4; i++) ASSERT_NE(host_.open(), id_);
  EXPECT_EQ(writer_.write(&byte, 1, kSlotBody), Status::kStaleStream);
  EXPECT_EQ(writer_.park(), Status::kStaleStream);
}

TEST_F(LaneWriterTest, RefusesALaneWithAnImpossibleEnd) {
  lane_.control->last.store(1ULL << 48);
  LaneWriter writer;
  EXPECT_EQ(writer.open(host_.server(), lane_, 0), Status::kSegmentCorrupt);
  uint8_t* slot = nullptr;
  EXPECT_EQ(writer.reserve(&slot), Status::kDetached);
}

TEST_F(LaneWriterTest, ContinuesWhereALaneStands) {
  write_slots(writer_, 3);
  LaneWriter next = request_writer(host_, id_);
  EXPECT_EQ(next.last(), 3U);
  write_slots(next, 1);
  EXPECT_TRUE(is_pattern(lane_.slot_data(4), 100, 4));
}

TEST_F(LaneWriterTest, BytesPutInPlaceAmongThoseThatAreCopied) {
  LaneReader reader = join(host_.worker(1), id_, kRequestLane);
  const auto bytes = pattern(kSlotSize, 1);
  uint32_t size = 0;
  ASSERT_OK(writer_.append(bytes.data(), 300, &taken_));
  ASSERT_OK(writer_.open_rest(200, &slot_, &size));
  EXPECT_EQ(size, 724U);
  std::copy_n(bytes.data() + 300, 200, slot_);
  EXPECT_EQ(writer_.filled(725), Status::kInvalidArgument);
  ASSERT_OK(writer_.filled(200));
  ASSERT_OK(writer_.append(bytes.data() + 500, 524, &taken_));
  EXPECT_EQ(writer_.last(), 1U) << "full";
  std::vector<SlotView> views(4);
  uint32_t count = 0;
  ASSERT_OK(reader.tail(views.data(), 4, &count));
  ASSERT_EQ(count, 1U);
  EXPECT_TRUE(std::equal(bytes.begin(), bytes.end(), views[0].data));
  EXPECT_OK(reader.verify(1));
  // A rest that is too small is published, and copying goes on with a hash of its own.
  ASSERT_OK(writer_.open_rest(1024, &slot_, &size));
  ASSERT_OK(writer_.filled(1000));
  ASSERT_OK(writer_.open_rest(25, &slot_, &size));
  EXPECT_EQ(size, 1024U);
  EXPECT_EQ(writer_.last(), 2U);
  ASSERT_OK(writer_.append(bytes.data(), 10, &taken_));
  ASSERT_OK(writer_.flush());
  EXPECT_OK(reader.verify(2));
  EXPECT_OK(reader.verify(3));
  EXPECT_EQ(writer_.open_rest(1025, &slot_, &size), Status::kSlotTooLarge);
  ASSERT_OK(writer_.end());
  EXPECT_EQ(writer_.open_rest(1, &slot_, &size), Status::kLaneEnded);
}

}  // namespace
}  // namespace ur::test
