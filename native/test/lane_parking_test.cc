// Full lanes, the hold, and who rings whom.
#include <atomic>
#include <thread>

#include "core/doorbell.h"
#include "core/lane_reader.h"
#include "core/lane_writer.h"
#include "test/support/host.h"

namespace ur::test {
namespace {

constexpr uint32_t kSlots = 8;

class LaneParkingTest : public ::testing::Test {
 protected:
  bool server_was_rung() { return take_ring(*host_.server(), 0, lane_.stream); }

  Host host_;
  uint64_t id_ = host_.open();
  LaneRef lane_ = host_.request(id_);
  LaneWriter writer_ = request_writer(host_, id_);
  uint8_t* slot_ = nullptr;
};

TEST_F(LaneParkingTest, ALaneThatIsFullIsStillWhole) {
  [[maybe_unused]] const LaneReader hold = join(host_.server(), id_, kRequestLane);
  write_slots(writer_, kSlots);
  EXPECT_TRUE(is_whole(lane_));
  for (int i = 0; i < 3; i++) ASSERT_EQ(writer_.reserve(&slot_), Status::kFull);
  EXPECT_TRUE(is_whole(lane_)) << "nothing has been overwritten";
  LaneReader late = join(host_.worker(1), id_, kRequestLane);
  EXPECT_EQ(late.gap(), 0U);
  EXPECT_EQ(tail_count(late), kSlots);
}

TEST_F(LaneParkingTest, APinnedSlotIsStillThereForALateReader) {
  LaneReader reader = join(host_.worker(1), id_, kRequestLane);
  write_slots(writer_, kSlots);
  tail_count(reader);
  ASSERT_OK(reader.pin(1));
  ASSERT_OK(reader.ack(kSlots));
  ASSERT_EQ(writer_.reserve(&slot_), Status::kPinned);
  EXPECT_TRUE(is_whole(lane_));
  EXPECT_EQ(join(host_.worker(2), id_, kRequestLane).gap(), 0U);
}

TEST_F(LaneParkingTest, IsNoLongerWholeOnceASlotIsOverwritten) {
  LaneReader reader = join(host_.worker(1), id_, kRequestLane);
  write_slots(writer_, kSlots);
  tail_count(reader);
  ASSERT_OK(reader.ack(1));
  ASSERT_OK(writer_.reserve(&slot_));
  EXPECT_FALSE(is_whole(lane_)) << "slot 1 is being overwritten";
  EXPECT_EQ(join(host_.worker(2), id_, kRequestLane).gap(), 1U);
}

// A claimer must get the whole of a request that waits in a full lane, whenever it comes.
TEST_F(LaneParkingTest, NobodyWhoJoinsBesideTheHoldFindsAGap) {
  [[maybe_unused]] const LaneReader hold = join(host_.server(), id_, kRequestLane);
  Segment* worker = host_.worker(1);
  const LaneRef lane = lane_of(*worker, id_, kRequestLane);
  write_slots(writer_, kSlots);
  std::atomic<bool> stop{false};
  std::thread thread([&] {
    uint8_t* slot = nullptr;
    while (!stop) {
      if (writer_.reserve(&slot) != Status::kFull) stop = true;
    }
  });
  uint64_t gaps = 0;
  for (int i = 0; i < 20000; i++) {
    LaneReader reader;
    if (reader.join(worker, lane, 0) != Status::kOk) gaps += 1'000'000;
    gaps += reader.gap();
    reader.leave();
  }
  EXPECT_FALSE(stop.exchange(true));
  thread.join();
  EXPECT_EQ(gaps, 0U);
}

TEST_F(LaneParkingTest, AcknowledgingRingsAParkedWriterOnce) {
  LaneReader reader = join(host_.worker(1), id_, kRequestLane);
  write_slots(writer_, kSlots);
  tail_count(reader);
  forget_rings(*host_.server(), 0);
  ASSERT_OK(reader.ack(1));
  EXPECT_FALSE(server_was_rung()) << "nobody is parked";
  write_slots(writer_, 1);
  ASSERT_EQ(writer_.park(), Status::kFull);
  ASSERT_OK(reader.ack(2));
  EXPECT_TRUE(server_was_rung());
  ASSERT_OK(reader.ack(3));
  EXPECT_FALSE(server_was_rung()) << "rung once is enough";
  EXPECT_EQ(writer_.park(), Status::kOk) << "there is room now";
}

TEST_F(LaneParkingTest, LeavingEvictingAndJoiningRingAParkedWriter) {
  write_slots(writer_, kSlots);
  ASSERT_EQ(writer_.park(), Status::kFull);
  LaneReader first = join(host_.worker(1), id_, kRequestLane);
  EXPECT_TRUE(server_was_rung()) << "it may have waited for a first reader";
  [[maybe_unused]] const LaneReader second = join(host_.worker(2), id_, kRequestLane);
  ASSERT_EQ(writer_.park(), Status::kFull);
  forget_rings(*host_.server(), 0);
  first.leave();
  EXPECT_TRUE(server_was_rung());
  ASSERT_EQ(writer_.park(), Status::kFull);
  EXPECT_EQ(host_.ingress().evict(lane_, 2), 1U);
  EXPECT_TRUE(server_was_rung());
}

// SIGSTOP may come between any two instructions of who rings; nobody else may sleep for that.
TEST_F(LaneParkingTest, AStoppedRingerDoesNotTakeTheWakeWithIt) {
  LaneReader reader = join(host_.worker(1), id_, kRequestLane);
  write_slots(writer_, kSlots);
  tail_count(reader);
  ASSERT_EQ(writer_.park(), Status::kFull);
  const uint32_t ticket = lane_.control->writer_parked.load();
  ASSERT_OK(reader.ack(1));
  ASSERT_TRUE(server_was_rung());
  write_slots(writer_, 1);
  ASSERT_EQ(writer_.park(), Status::kFull);
  EXPECT_NE(lane_.control->writer_parked.load(), ticket)
      << "who took the first ticket and stopped must not take the second one";
  EXPECT_NE(lane_.control->writer_parked.load(), 0U);
}

TEST_F(LaneParkingTest, PublishingRingsExactlyTheParkedReaders) {
  LaneReader first = join(host_.worker(1), id_, kRequestLane);
  [[maybe_unused]] const LaneReader second = join(host_.worker(2), id_, kRequestLane);
  ASSERT_EQ(first.park(), Status::kEmpty);
  write_slots(writer_, 1);
  EXPECT_TRUE(take_ring(*host_.server(), 1, lane_.stream));
  EXPECT_FALSE(take_ring(*host_.server(), 2, lane_.stream));
  EXPECT_EQ(lane_.control->parked.load(), 0U);
  EXPECT_EQ(first.park(), Status::kOk);
  EXPECT_EQ(tail_count(first), 1U);
  EXPECT_EQ(first.park(), Status::kEmpty);
}

TEST_F(LaneParkingTest, WatchingNeedsNoPlaceAndHoldsNothingBack) {
  Segment* watcher = host_.worker(1);
  const LaneRef seen = lane_of(*watcher, id_, kRequestLane);
  ASSERT_EQ(watch_lane(*watcher, seen, 0), Status::kEmpty);
  write_slots(writer_, 1);
  EXPECT_TRUE(take_ring(*host_.server(), 1, lane_.stream));
  EXPECT_EQ(watch_lane(*watcher, seen, 0), Status::kOk);
  EXPECT_EQ(watch_lane(*watcher, seen, 5), Status::kEmpty) << "slot 6 is waited for";
  LaneReader reader = join(host_.worker(2), id_, kRequestLane);
  tail_count(reader);
  ASSERT_OK(reader.ack(1));
  write_slots(writer_, kSlots);
  EXPECT_EQ(writer_.reserve(&slot_), Status::kFull) << "for the reader, not for the watcher";
  reader.leave();
  ASSERT_EQ(watch_lane(*watcher, seen, kSlots + 1), Status::kEmpty);
  ASSERT_OK(host_.ingress().abort(id_, Status::kClientGone));
  EXPECT_TRUE(take_ring(*host_.server(), 1, lane_.stream));
  EXPECT_EQ(watch_lane(*watcher, seen, kSlots + 1), Status::kClientGone);
  ASSERT_OK(host_.ingress().close(id_));
  EXPECT_EQ(watch_lane(*watcher, seen, kSlots + 1), Status::kClientGone);
  EXPECT_OK(host_.ingress().reclaim(id_)) << "a watcher keeps no place";
}

TEST_F(LaneParkingTest, AbortAndCloseRingEverybodyWhoHoldsSomething) {
  LaneReader reader = join(host_.worker(1), id_, kRequestLane);
  LaneWriter answer = claim(host_.worker(2), id_);
  LaneWriter stage = claim(host_.worker(3), id_, kFirstStageLane);
  ASSERT_OK(host_.ingress().abort(id_, Status::kClientGone));
  for (uint32_t worker : {1U, 2U, 3U}) {
    EXPECT_TRUE(take_ring(*host_.server(), worker, lane_.stream)) << worker;
  }
  EXPECT_EQ(reader.park(), Status::kClientGone);
  ASSERT_OK(host_.ingress().close(id_));
  for (uint32_t worker : {1U, 2U, 3U}) {
    EXPECT_TRUE(take_ring(*host_.server(), worker, lane_.stream)) << worker;
  }
  EXPECT_EQ(host_.ingress().reclaim(id_), Status::kFull);
  forget_rings(*host_.server(), 0);
  reader.leave();
  EXPECT_TRUE(server_was_rung()) << "who lets go of a closed stream tells the ingress";
  ASSERT_OK(answer.release());
  ASSERT_OK(stage.release());
  EXPECT_TRUE(server_was_rung());
  EXPECT_OK(host_.ingress().reclaim(id_));
}

TEST_F(LaneParkingTest, GivingUpTellsTheReadersAndTheIngress) {
  LaneReader answer_reader = join(host_.server(), id_, kResponseLane);
  LaneWriter answer = claim(host_.worker(1), id_);
  ASSERT_OK(answer.reserve(&slot_));
  ASSERT_EQ(answer_reader.park(), Status::kEmpty);
  EXPECT_EQ(answer.fail(Status::kOk), Status::kInvalidArgument);
  ASSERT_OK(answer.fail(Status::kWorkerFailed));
  EXPECT_TRUE(server_was_rung());
  EXPECT_EQ(answer_reader.park(), Status::kWorkerFailed);
  EXPECT_EQ(host_.response(id_).header(1).pins.load(), 0U) << "the open slot is dropped";
  ASSERT_OK(answer.release());
  ASSERT_OK(answer.release());
}

}  // namespace
}  // namespace ur::test
