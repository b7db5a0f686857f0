#include "core/lane_reader.h"

#include <cstring>

#include "core/doorbell.h"
#include "test/support/host.h"

namespace ur::test {
namespace {

constexpr uint32_t kSlots = 8;

class LaneReaderTest : public ::testing::Test {
 protected:
  LaneReader join_at(uint32_t worker, int64_t from) {
    return join(host_.worker(worker), id_, kRequestLane, from);
  }
  uint64_t owner(uint32_t place) const { return lane_.control->readers[place].owner.load(); }

  Host host_;
  uint64_t id_ = host_.open();
  LaneRef lane_ = host_.request(id_);
  LaneWriter writer_ = request_writer(host_, id_);
  SlotView views_[16];
  uint32_t count_ = 0;
};

TEST_F(LaneReaderTest, ReadsEverySlotInOrderWithoutACopy) {
  LaneReader reader = join_at(1, 0);
  write_slots(writer_, 5);
  ASSERT_OK(reader.tail(views_, 3, &count_));
  ASSERT_EQ(count_, 3U);
  ASSERT_OK(reader.tail(views_ + 3, 13, &count_));
  ASSERT_EQ(count_, 2U);
  for (uint64_t i = 0; i < 5; i++) {
    EXPECT_EQ(views_[i].id, i + 1);
    EXPECT_EQ(views_[i].length, 100U);
    EXPECT_EQ(views_[i].flags, static_cast<uint32_t>(kSlotBody));
    EXPECT_EQ(views_[i].data, host_.worker(1)->base() + views_[i].offset);
    EXPECT_TRUE(is_pattern(views_[i].data, 100, i + 1));
    EXPECT_OK(reader.verify(i + 1));
  }
  EXPECT_EQ(reader.position(), 5U);
  EXPECT_EQ(reader.last(), 5U);
  ASSERT_OK(reader.tail(views_, 16, &count_));
  EXPECT_EQ(count_, 0U);
}

TEST_F(LaneReaderTest, JoinsAtTheNewestThePastAndBeyond) {
  write_slots(writer_, 5);
  EXPECT_EQ(join_at(1, LaneReader::kFromNewest).position(), 5U);
  EXPECT_EQ(join_at(2, 2).position(), 2U);
  EXPECT_EQ(join_at(3, 0).position(), 0U);
  EXPECT_EQ(join_at(4, 1000).position(), 5U) << "what is not there yet cannot be acknowledged";
}

TEST_F(LaneReaderTest, ALateJoinReportsWhatItHasMissed) {
  LaneReader first = join_at(1, 0);
  for (int round = 0; round < 3; round++) {
    write_slots(writer_, kSlots);
    tail_count(first);
    ASSERT_OK(first.ack(first.position()));
  }
  LaneReader late = join_at(2, 3);
  EXPECT_EQ(late.position(), 3U * kSlots - kSlots);
  EXPECT_EQ(late.gap(), 2U * kSlots - 3);
  EXPECT_EQ(tail_count(late), kSlots);
  uint8_t* slot = nullptr;
  EXPECT_EQ(writer_.reserve(&slot), Status::kFull) << "it gates from its first slot on";
}

TEST_F(LaneReaderTest, PlacesAreLimitedAndComeBack) {
  LaneReader readers[4] = {join_at(1, 0), join_at(1, 0), join_at(2, 0), join_at(3, 0)};
  LaneReader fifth;
  EXPECT_EQ(fifth.join(host_.worker(4), lane_of(*host_.worker(4), id_, kRequestLane), 0),
            Status::kNoFreeReader);
  EXPECT_FALSE(fifth.joined());
  readers[1].leave();
  readers[1].leave();
  EXPECT_OK(fifth.join(host_.worker(4), lane_of(*host_.worker(4), id_, kRequestLane), 0));
}

TEST_F(LaneReaderTest, AcknowledgesOnlyWhatItHasSeen) {
  LaneReader reader = join_at(1, 0);
  write_slots(writer_, 4);
  EXPECT_EQ(reader.ack(1), Status::kInvalidArgument);
  tail_count(reader, 2);
  EXPECT_EQ(reader.ack(3), Status::kInvalidArgument);
  ASSERT_OK(reader.ack(2));
  ASSERT_OK(reader.ack(1));
  EXPECT_EQ(reader.cursor(), 2U);
  EXPECT_EQ(lane_.control->readers[0].cursor.load() & kCursorMask, 2U);
}

TEST_F(LaneReaderTest, AnEvictedReaderLearnsOfItAndFreesNobodyElsesPlace) {
  LaneReader evicted = join_at(1, 0);
  write_slots(writer_, 2);
  tail_count(evicted, 1);
  EXPECT_EQ(host_.ingress().evict(lane_, 1), 1U);
  EXPECT_EQ(host_.ingress().evict(lane_, 1), 0U);
  EXPECT_EQ(reader_state(owner(0)), ReaderState::kFree);
  EXPECT_TRUE(take_ring(*host_.server(), 1, lane_.stream)) << "it is told";
  EXPECT_EQ(evicted.tail(views_, 16, &count_), Status::kEvicted);
  EXPECT_EQ(evicted.ack(1), Status::kEvicted);
  EXPECT_EQ(evicted.verify(1), Status::kEvicted);

  // The same worker again: its owner word is the very same.
  LaneReader next = join_at(1, 0);
  EXPECT_EQ(evicted.ack(1), Status::kEvicted);
  evicted.leave();
  EXPECT_EQ(reader_state(owner(0)), ReaderState::kActive);
  EXPECT_EQ(tail_count(next), 2U);
  EXPECT_OK(next.ack(2));
}

TEST_F(LaneReaderTest, AnEvictedReaderThatSleepsIsToldWhenItParks) {
  LaneReader reader = join_at(1, 0);
  host_.ingress().evict(lane_, 1);
  EXPECT_EQ(reader.park(), Status::kEvicted);
}

// The tag has 16 bits: after 65536 changes of hands it is the same again, in another's word.
TEST_F(LaneReaderTest, ATagThatHasGoneRoundDoesNotRevive) {
  LaneReader evicted = join_at(1, 0);
  write_slots(writer_, 2);
  tail_count(evicted);
  host_.ingress().evict(lane_, 1);
  const uint64_t tag = lane_.control->readers[0].cursor.load() >> 48;
  [[maybe_unused]] const LaneReader other = join_at(2, 0);
  lane_.control->readers[0].cursor.store((tag - 1) << 48);  // what `evicted` once stored
  EXPECT_EQ(evicted.ack(1), Status::kEvicted);
  evicted.leave();
  EXPECT_EQ(reader_worker(owner(0)), 2U);
  EXPECT_EQ(lane_.control->readers[0].cursor.load() >> 48, tag - 1);
}

TEST_F(LaneReaderTest, ParksUntilThereIsSomething) {
  LaneReader reader = join_at(5, 0);
  EXPECT_EQ(reader.park(), Status::kEmpty);
  EXPECT_EQ(lane_.control->parked.load(), 1ULL << 5);
  write_slots(writer_, 1);
  EXPECT_EQ(lane_.control->parked.load(), 0U);
  EXPECT_EQ(reader.park(), Status::kOk);
  EXPECT_EQ(lane_.control->parked.load(), 0U);
}

TEST_F(LaneReaderTest, ReadsOnAfterCloseButDoesNotSleep) {
  LaneReader reader = join_at(1, 0);
  write_slots(writer_, 2);
  ASSERT_OK(host_.ingress().close(id_));
  EXPECT_EQ(tail_count(reader), 2U) << "the place is not reused while it is held";
  EXPECT_EQ(reader.park(), Status::kStaleStream);
  EXPECT_OK(reader.ack(2));
}

TEST_F(LaneReaderTest, SaysWhyTheStreamEnded) {
  LaneReader reader = join_at(1, 0);
  ASSERT_OK(host_.ingress().abort(id_, Status::kUploadTooSlow));
  ASSERT_OK(host_.ingress().abort(id_, Status::kClientGone));
  EXPECT_EQ(reader.park(), Status::kUploadTooSlow) << "the first reason stays";
  LaneReader late;
  EXPECT_EQ(late.join(host_.worker(2), lane_of(*host_.worker(2), id_, kRequestLane), 0),
            Status::kUploadTooSlow);
}

TEST_F(LaneReaderTest, DetachedReadersDoNothing) {
  LaneReader reader;
  EXPECT_EQ(reader.tail(views_, 16, &count_), Status::kDetached);
  EXPECT_EQ(reader.ack(1), Status::kDetached);
  EXPECT_EQ(reader.pin(1), Status::kDetached);
  EXPECT_EQ(reader.verify(1), Status::kDetached);
  EXPECT_EQ(reader.park(), Status::kDetached);
  reader.unpin(1);
  reader.leave();
  EXPECT_EQ(reader.last(), 0U);
}

TEST_F(LaneReaderTest, ImpossibleWordsAreCorruptionAndNotACrash) {
  LaneReader reader = join_at(1, 0);
  write_slots(writer_, 3);
  SlotHeader& header = lane_.header(2);
  header.length.store(1025);
  ASSERT_EQ(reader.tail(views_, 16, &count_), Status::kSegmentCorrupt);
  EXPECT_EQ(count_, 1U) << "the slots before it are good";
  header.length.store(100);
  header.seq.store(6);
  EXPECT_EQ(reader.tail(views_, 16, &count_), Status::kSegmentCorrupt);
  header.seq.store(4);
  lane_.control->last.store(kCursorMask);
  EXPECT_EQ(reader.tail(views_, 16, &count_), Status::kSegmentCorrupt);
  lane_.control->last.store(0);
  EXPECT_EQ(reader.tail(views_, 16, &count_), Status::kSegmentCorrupt);
}

TEST_F(LaneReaderTest, AnImpossibleIntentIsCorruptionAndCostsNoPlace) {
  lane_.control->intent.store(~0ULL);
  for (int i = 0; i < 8; i++) {
    LaneReader reader;
    EXPECT_EQ(reader.join(host_.worker(1), lane_of(*host_.worker(1), id_, kRequestLane), 0),
              Status::kSegmentCorrupt);
  }
  lane_.control->intent.store(0);
  EXPECT_EQ(join_at(1, 0).position(), 0U);
}

TEST_F(LaneReaderTest, VerifiesTheBytes) {
  LaneReader reader = join_at(1, 0);
  EXPECT_EQ(reader.verify(1), Status::kLapped);
  write_slots(writer_, 2);
  tail_count(reader);
  lane_.slot_data(1)[99] ^= 1;
  EXPECT_EQ(reader.verify(1), Status::kHashMismatch);
  EXPECT_OK(reader.verify(2));
  lane_.header(2).length.store(4096);
  EXPECT_EQ(reader.verify(2), Status::kSegmentCorrupt);
  EXPECT_EQ(reader.verify(0), Status::kLapped) << "ids count from 1";
  EXPECT_EQ(reader.verify((1ULL << 63) + 1), Status::kLapped) << "2 * id has gone round";
}

}  // namespace
}  // namespace ur::test
