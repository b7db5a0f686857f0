#include "core/claim.h"

#include <atomic>
#include <thread>

#include "core/doorbell.h"
#include "core/recovery.h"
#include "test/support/host.h"

namespace ur::test {
namespace {

class ClaimTest : public ::testing::Test {
 protected:
  Status try_claim(uint32_t worker, uint64_t* token, uint32_t lane = kResponseLane) {
    return claim_lane(host_.worker(worker), lane_of(*host_.worker(worker), id_, lane), token);
  }

  Host host_;
  uint64_t id_ = host_.open();
  LaneRef lane_ = host_.response(id_);
  uint64_t token_ = 0;
};

TEST_F(ClaimTest, TheFirstOneWinsAndIsNamed) {
  EXPECT_EQ(claim_owner(lane_).worker, kNoIndex);
  ASSERT_OK(try_claim(3, &token_));
  EXPECT_EQ(token_, lane_.control->claim.load());
  EXPECT_EQ(token_ >> 32, stream_generation(id_));
  EXPECT_EQ(claim_owner(lane_).worker, 3U);
  EXPECT_FALSE(claim_owner(lane_).orphan);
  uint64_t other = 0;
  EXPECT_EQ(try_claim(4, &other), Status::kAlreadyClaimed);
  EXPECT_EQ(try_claim(3, &other), Status::kAlreadyClaimed) << "nor twice by one";
  EXPECT_EQ(other, 0U);
}

TEST_F(ClaimTest, WhoHadItIsKnownUntilThePlaceIsUsedAgain) {
  EXPECT_EQ(lane_.control->claimant.load(), 0U);
  LaneWriter writer = claim(host_.worker(3), id_);
  ASSERT_OK(writer.release());
  EXPECT_EQ(claim_owner(lane_).worker, kNoIndex);
  EXPECT_EQ(lane_.control->claimant.load(), 4U);
  host_.finish(id_);
  for (int i = 0; i < 4; i++) host_.open();
  EXPECT_EQ(lane_.control->claimant.load(), 0U);
}

TEST_F(ClaimTest, ARequestLaneHasOneWriterAlready) {
  EXPECT_EQ(try_claim(3, &token_, kRequestLane), Status::kInvalidArgument);
  EXPECT_EQ(claim_owner(host_.request(id_)).worker, kNoIndex);
}

TEST_F(ClaimTest, AnswersWhatBecameOfTheStream) {
  ASSERT_OK(host_.ingress().abort(id_, Status::kClientGone));
  EXPECT_EQ(try_claim(3, &token_), Status::kClientGone);
  const LaneRef stale = lane_of(*host_.worker(3), id_, kResponseLane);
  host_.finish(id_);
  EXPECT_EQ(claim_lane(host_.worker(3), stale, &token_), Status::kClientGone);
  for (int i = 0; i < 4; i++) host_.open();
  EXPECT_EQ(claim_lane(host_.worker(3), stale, &token_), Status::kStaleStream);
  LaneRef none;
  EXPECT_EQ(host_.server()->lane(id_, kResponseLane, &none), Status::kStaleStream);
}

TEST_F(ClaimTest, WhatWasBegunIsNotContinuedByAnother) {
  LaneWriter writer = claim(host_.worker(3), id_);
  write_slots(writer, 1);
  ASSERT_OK(writer.release());
  EXPECT_EQ(try_claim(4, &token_), Status::kAlreadyClaimed);
}

TEST_F(ClaimTest, WhatWasGivenUpIsNotTakenByAnother) {
  LaneWriter writer = claim(host_.worker(3), id_);
  ASSERT_OK(writer.fail(Status::kWorkerFailed));
  ASSERT_OK(writer.release());
  EXPECT_EQ(try_claim(4, &token_), Status::kAlreadyClaimed);
}

TEST_F(ClaimTest, WhatWasGivenBackUnbegunIsFreeAndTheOldTokenIsWorthNothing) {
  LaneWriter old = claim(host_.worker(3), id_);
  const uint64_t old_token = old.token();
  uint8_t* slot = nullptr;
  ASSERT_OK(old.reserve(&slot));
  ASSERT_OK(old.release());
  EXPECT_EQ(lane_.header(1).pins.load(), 0U);
  LaneWriter again = claim(host_.worker(3), id_);
  EXPECT_NE(again.token(), old_token);
  EXPECT_EQ(claim_owner(lane_).attempt, 1U);
  LaneWriter forged;
  ASSERT_OK(forged.open(host_.worker(3), lane_of(*host_.worker(3), id_, kResponseLane), old_token));
  EXPECT_EQ(forged.reserve(&slot), Status::kNotOwner);
  EXPECT_EQ(forged.park(), Status::kNotOwner);
  EXPECT_EQ(forged.fail(Status::kWorkerFailed), Status::kNotOwner);
  EXPECT_EQ(forged.release(), Status::kNotOwner);
  EXPECT_EQ(claim_owner(lane_).worker, 3U);
}

TEST_F(ClaimTest, RequeueFencesTheDeadHolderAndStartsTheLaneAnew) {
  LaneReader hold = join(host_.server(), id_, kResponseLane);
  LaneWriter dead = claim(host_.worker(3), id_);
  write_slots(dead, 2);
  uint8_t* slot = nullptr;
  ASSERT_OK(dead.reserve(&slot));
  EXPECT_EQ(requeue_lane(host_.server(), lane_), Status::kNotOwner) << "it lives";
  recover_worker(*host_.server(), 3);
  EXPECT_TRUE(claim_owner(lane_).orphan);
  EXPECT_EQ(try_claim(4, &token_), Status::kAlreadyClaimed) << "until the ingress decides";
  hold.leave();
  ASSERT_OK(requeue_lane(host_.server(), lane_));
  EXPECT_EQ(requeue_lane(host_.server(), lane_), Status::kNotOwner);
  EXPECT_EQ(dead.commit(10, kSlotBody), Status::kNotOwner);
  EXPECT_EQ(dead.release(), Status::kNotOwner);
  LaneWriter next = claim(host_.worker(4), id_);
  EXPECT_EQ(next.last(), 0U);
  EXPECT_EQ(claim_owner(lane_).attempt, 1U);
  write_slots(next, 1);
  LaneReader reader = join(host_.server(), id_, kResponseLane);
  EXPECT_EQ(tail_count(reader), 1U);
}

// The bytes of two attempts must not come to one reader as one answer.
TEST_F(ClaimTest, AReaderOfTheFirstAttemptSeesNothingOfTheSecond) {
  LaneReader observer = join(host_.worker(5), id_, kResponseLane);
  LaneWriter dead = claim(host_.worker(3), id_);
  write_slots(dead, 2);
  EXPECT_EQ(tail_count(observer), 2U);
  recover_worker(*host_.server(), 3);
  ASSERT_OK(requeue_lane(host_.server(), lane_));
  EXPECT_TRUE(take_ring(*host_.server(), 5, lane_.stream));
  LaneWriter next = claim(host_.worker(4), id_);
  write_slots(next, 4);
  SlotView views[8];
  uint32_t count = 0;
  EXPECT_EQ(observer.tail(views, 8, &count), Status::kEvicted);
  EXPECT_EQ(count, 0U);
  EXPECT_EQ(observer.ack(2), Status::kEvicted);
}

TEST_F(ClaimTest, StagesAreClaimedApart) {
  ASSERT_OK(try_claim(3, &token_));
  uint64_t stage = 0;
  ASSERT_OK(try_claim(4, &stage, kFirstStageLane));
  LaneRef lane;
  EXPECT_EQ(host_.server()->lane(id_, kFirstStageLane + 1, &lane), Status::kInvalidArgument);
}

TEST(ClaimRaceTest, ExactlyOneOfEightThreadsWins) {
  constexpr uint32_t kThreads = 8;
  constexpr uint32_t kStreams = 200;
  SegmentConfig config = small_config();
  config.max_workers = kThreads + 1;
  Host host(config);
  Segment* workers[kThreads];
  for (uint32_t w = 0; w < kThreads; w++) workers[w] = host.worker(w + 1);
  for (uint32_t round = 0; round < kStreams; round++) {
    const uint64_t id = host.open();
    std::atomic<uint32_t> ready{0};
    std::atomic<uint32_t> winners{0};
    std::vector<std::thread> threads;
    for (Segment* worker : workers) {
      threads.emplace_back([&, worker] {
        const LaneRef lane = lane_of(*worker, id, kResponseLane);
        uint64_t token = 0;
        ready++;
        while (ready < kThreads) std::this_thread::yield();
        const Status status = claim_lane(worker, lane, &token);
        if (status == Status::kOk) winners++;
        EXPECT_EQ(status == Status::kOk, token != 0);
      });
    }
    for (auto& thread : threads) thread.join();
    ASSERT_EQ(winners, 1U);
    recover_worker(*host.server(), claim_owner(host.response(id)).worker);
    host.finish(id);
  }
  EXPECT_TRUE(host.is_all_free());
}

}  // namespace
}  // namespace ur::test
