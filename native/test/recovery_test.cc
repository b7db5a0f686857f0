#include "core/recovery.h"

#include "core/doorbell.h"
#include "core/verdict.h"
#include "test/support/host.h"

namespace ur::test {
namespace {

class RecoveryTest : public ::testing::Test {
 protected:
  Host host_;
  uint64_t id_ = host_.open();
  LaneRef request_ = host_.request(id_);
  LaneRef response_ = host_.response(id_);
  LaneRef stage_ = lane_of(*host_.server(), id_, kFirstStageLane);
};

TEST_F(RecoveryTest, GivesEverythingOfTheDeadBackAndNothingElse) {
  LaneWriter writer = request_writer(host_, id_);
  write_slots(writer, 4);
  LaneReader dead = join(host_.worker(1), id_, kRequestLane);
  LaneReader other = join(host_.worker(2), id_, kRequestLane);
  tail_count(dead);
  tail_count(other);
  ASSERT_OK(dead.pin(1));
  ASSERT_OK(dead.pin(2));
  ASSERT_OK(other.pin(2));
  ASSERT_EQ(dead.park(), Status::kEmpty);
  ASSERT_EQ(other.park(), Status::kEmpty);
  LaneWriter answer = claim(host_.worker(1), id_);
  uint8_t* slot = nullptr;
  ASSERT_OK(answer.reserve(&slot));
  ASSERT_OK(hold_verdict(host_.worker(1), id_, 0));
  wait_for_streams(*host_.worker(1), kRoleResponder | kRoleObserver, true);
  const uint64_t owner = host_.row(1).owner.load();

  const RecoveryReport report = recover_worker(*host_.server(), 1);
  EXPECT_EQ(report.readers, 1U);
  EXPECT_EQ(report.pins, 2U);
  EXPECT_EQ(report.claims, 1U);
  EXPECT_EQ(report.torn_slots, 1U);
  EXPECT_EQ(report.verdicts, 1U);
  EXPECT_GT(report.duration_ns, 0U);
  EXPECT_EQ(request_.header(1).pins.load(), 0U);
  EXPECT_EQ(request_.header(2).pins.load(), 1ULL << 2);
  EXPECT_EQ(request_.control->parked.load() & 1ULL << 1, 0U);
  EXPECT_EQ(response_.header(1).pins.load(), 0U);
  EXPECT_EQ(response_.header(1).seq.load(), 0U);
  EXPECT_EQ(response_.control->last.load(), 0U);
  EXPECT_EQ(host_.server()->header().responders_waiting.load(), 0U);
  EXPECT_EQ(host_.server()->header().observers_waiting.load(), 0U);
  EXPECT_FALSE(has_signals(*host_.server(), 1));
  EXPECT_EQ(host_.row(1).owner.load(), ((owner >> 8) + 1) << 8) << "free, the next generation";
  EXPECT_TRUE(take_ring(*host_.server(), 0, request_.stream)) << "the ingress has to decide";
  EXPECT_OK(other.ack(4));

  const RecoveryReport again = recover_worker(*host_.server(), 1);
  EXPECT_EQ(again.readers + again.pins + again.claims + again.torn_slots + again.verdicts, 0U);
  EXPECT_TRUE(claim_owner(response_).orphan);
}

TEST_F(RecoveryTest, AWriterThatWaitsForTheDeadGoesOn) {
  LaneReader dead = join(host_.worker(1), id_, kRequestLane);
  LaneReader alive = join(host_.worker(2), id_, kRequestLane);
  LaneWriter writer = request_writer(host_, id_);
  write_slots(writer, 8);
  tail_count(dead);
  tail_count(alive);
  ASSERT_OK(alive.ack(8));
  ASSERT_OK(dead.pin(1));
  ASSERT_EQ(writer.park(), Status::kFull);
  forget_rings(*host_.server(), 0);
  recover_worker(*host_.server(), 1);
  EXPECT_TRUE(take_ring(*host_.server(), 0, request_.stream));
  EXPECT_EQ(writer.park(), Status::kOk);
  write_slots(writer, 8);
}

// The dead had taken the parked bits and rung nobody yet.
TEST_F(RecoveryTest, ReadersWhomTheDeadWasAboutToRingAreRung) {
  LaneReader reader = join(host_.worker(2), id_, kFirstStageLane);
  LaneWriter stage = claim(host_.worker(1), id_, kFirstStageLane);
  ASSERT_EQ(reader.park(), Status::kEmpty);
  stage_.control->parked.store(0);
  write_slots(stage, 1);
  ASSERT_FALSE(has_signals(*host_.server(), 2));
  recover_worker(*host_.server(), 1);
  EXPECT_TRUE(take_ring(*host_.server(), 2, stage_.stream));
}

TEST_F(RecoveryTest, AStageWriterWhomTheDeadWasAboutToRingIsRung) {
  LaneReader dead = join(host_.worker(1), id_, kFirstStageLane);
  LaneWriter stage = claim(host_.worker(2), id_, kFirstStageLane);
  write_slots(stage, 4);
  tail_count(dead);
  ASSERT_EQ(stage.park(), Status::kFull);
  stage_.control->writer_parked.store(0);
  ASSERT_OK(dead.ack(4));
  ASSERT_FALSE(has_signals(*host_.server(), 2));
  recover_worker(*host_.server(), 1);
  EXPECT_TRUE(take_ring(*host_.server(), 2, stage_.stream));
}

TEST_F(RecoveryTest, AStageThatNobodyHasSeenCanBeTakenOver) {
  LaneWriter dead = claim(host_.worker(1), id_, kFirstStageLane);
  uint8_t* slot = nullptr;
  ASSERT_OK(dead.reserve(&slot));
  EXPECT_EQ(recover_worker(*host_.server(), 1).torn_slots, 1U);
  LaneWriter next = claim(host_.worker(2), id_, kFirstStageLane);
  write_slots(next, 4);
  EXPECT_EQ(dead.commit(10, kSlotBody), Status::kNotOwner);
}

TEST_F(RecoveryTest, AStageThatHadBegunHasFailed) {
  LaneReader reader = join(host_.worker(2), id_, kFirstStageLane);
  LaneWriter dead = claim(host_.worker(1), id_, kFirstStageLane);
  write_slots(dead, 1);
  recover_worker(*host_.server(), 1);
  EXPECT_EQ(tail_count(reader), 1U);
  EXPECT_EQ(reader.park(), Status::kWorkerDied);
  uint64_t token = 0;
  EXPECT_EQ(claim_lane(host_.worker(3), lane_of(*host_.worker(3), id_, kFirstStageLane), &token),
            Status::kAlreadyClaimed);
}

TEST_F(RecoveryTest, ADeadReaderInAnyStateIsTakenOut) {
  const uint64_t generation = stream_generation(id_);
  for (ReaderState state : {ReaderState::kJoining, ReaderState::kActive}) {
    ReaderWord& word = request_.control->readers[2];
    word.owner.store(reader_owner(generation, 1, state));
    const uint64_t tag = word.cursor.load() >> 48;
    EXPECT_EQ(recover_worker(*host_.server(), 1).readers, 1U);
    EXPECT_EQ(word.owner.load(), generation << 32);
    EXPECT_EQ(word.cursor.load() >> 48, state == ReaderState::kActive ? tag + 1 : tag);
  }
}

TEST_F(RecoveryTest, AClosedStreamIsFreeOnceItsDeadHolderIsRecovered) {
  [[maybe_unused]] const LaneReader reader = join(host_.worker(1), id_, kRequestLane);
  LaneWriter answer = claim(host_.worker(1), id_);
  write_slots(answer, 3);
  uint8_t* slot = nullptr;
  ASSERT_OK(answer.reserve(&slot));
  ASSERT_OK(host_.ingress().close(id_));
  EXPECT_EQ(host_.ingress().reclaim(id_), Status::kFull);
  forget_rings(*host_.server(), 0);
  recover_worker(*host_.server(), 1);
  EXPECT_TRUE(take_ring(*host_.server(), 0, request_.stream));
  EXPECT_OK(host_.ingress().reclaim(id_));
  EXPECT_TRUE(host_.is_all_free());
}

// What a hostile worker writes into the words of a lane that it never held.
TEST_F(RecoveryTest, ForgedWordsLeadNowhere) {
  LaneWriter writer = request_writer(host_, id_);
  uint8_t* slot = nullptr;
  ASSERT_OK(writer.reserve(&slot));
  request_.control->claim.store(stream_generation(id_) << 32 | (1 + 1));
  response_.control->claim.store(stream_generation(id_) << 32 | (1 + 1));
  response_.control->last.store(~0ULL);
  stage_.control->last.store(0x8000000000000000ULL);
  host_.server()->stream(request_.stream).ingress.store(4711);
  EXPECT_EQ(recover_worker(*host_.server(), 1).torn_slots, 0U);
  EXPECT_EQ(request_.header(1).pins.load(), kWriterBit) << "the ingress is writing there";
  EXPECT_EQ(request_.control->failure.load(), 0U);
  EXPECT_OK(writer.commit(10, kSlotBody));
}

}  // namespace
}  // namespace ur::test
