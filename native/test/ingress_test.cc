#include "core/ingress.h"

#include <algorithm>
#include <set>

#include "core/doorbell.h"
#include "core/recovery.h"
#include "core/verdict.h"
#include "test/support/host.h"

namespace ur::test {
namespace {

class IngressTest : public ::testing::Test {
 protected:
  // Opens streams until one takes the place of `id` again.
  uint64_t reopen(uint64_t id) {
    for (int i = 0; i < 4; i++) {
      const uint64_t next = host_.open();
      if (stream_index(next) == stream_index(id)) return next;
    }
    ADD_FAILURE() << "the place was not given out";
    return 0;
  }
  bool was_rung(uint32_t worker, uint64_t id) {
    return take_ring(*host_.server(), worker, stream_index(id));
  }

  Host host_;
  Ingress& ingress_ = host_.ingress();
};

TEST_F(IngressTest, OpensEveryPlaceOnceAndThenRefuses) {
  std::set<uint32_t> places;
  for (int i = 0; i < 4; i++) places.insert(stream_index(host_.open()));
  EXPECT_EQ(places.size(), 4U);
  uint64_t id = 0;
  EXPECT_EQ(ingress_.open(0, "http", &id), Status::kNoFreeStream);
  EXPECT_EQ(ingress_.open(1, "http", &id), Status::kUnknownPool);
}

TEST_F(IngressTest, AnOpenStreamIsClean) {
  const uint64_t first = host_.open();
  LaneWriter writer = request_writer(host_, first);
  write_slots(writer, 8);
  {
    LaneWriter answer = claim(host_.worker(1), first);
    write_slots(answer, 3);
    ASSERT_OK(answer.fail(Status::kWorkerFailed));
    ASSERT_OK(answer.release());
  }
  ASSERT_OK(hold_verdict(host_.worker(2), first, 0));
  ASSERT_OK(give_verdict(host_.worker(2), first, 0, false, 451, "no"));
  ASSERT_OK(ingress_.abort(first, Status::kVetoed));
  host_.finish(first);
  const uint64_t next = reopen(first);
  ASSERT_NE(next, first);
  const StreamRow& row = host_.server()->stream(stream_index(next));
  EXPECT_EQ(row.abort.load(), 0U);
  EXPECT_EQ(row.required.load(), 3U);
  EXPECT_STREQ(row.transport, "test");
  EXPECT_GT(row.serial.load(), 1U);
  EXPECT_EQ(read_verdict(*host_.server(), stream_index(next), 0).state, VerdictState::kPending);
  for (uint32_t l = 0; l < 3; l++) {
    const LaneRef lane = lane_of(*host_.server(), next, l);
    EXPECT_EQ(lane.control->last.load(), 0U);
    EXPECT_EQ(lane.control->intent.load(), 0U);
    EXPECT_EQ(lane.control->failure.load(), 0U);
    EXPECT_EQ(lane.control->parked.load(), 0U);
    EXPECT_EQ(claim_owner(lane).worker, kNoIndex);
    for (uint32_t i = 0; i < lane.slots; i++) EXPECT_EQ(lane.headers[i].seq.load(), 0U);
  }
}

TEST_F(IngressTest, LongTransportNamesAreCut) {
  uint64_t id = 0;
  ASSERT_OK(ingress_.open(0, "a-transport-with-a-long-name", &id));
  EXPECT_STREQ(host_.server()->stream(stream_index(id)).transport, "a-transport-wit");
}

TEST_F(IngressTest, NoHandleOfAnEarlierGenerationWorksOnAReusedPlace) {
  const uint64_t old = host_.open();
  Segment* worker = host_.worker(1);
  const LaneRef request = lane_of(*worker, old, kRequestLane);
  const LaneRef response = lane_of(*worker, old, kResponseLane);
  LaneWriter writer = request_writer(host_, old);
  write_slots(writer, 3);
  LaneReader reader = join(worker, old, kRequestLane);
  tail_count(reader, 2);
  LaneWriter answer = claim(worker, old);
  ASSERT_OK(hold_verdict(worker, old, 0));
  recover_worker(*host_.server(), 1);  // the arbiter thinks that it is dead
  ASSERT_OK(ingress_.close(old));
  ASSERT_OK(ingress_.reclaim(old));
  const uint64_t next = reopen(old);
  LaneWriter next_writer = request_writer(host_, next);
  write_slots(next_writer, 3);
  LaneWriter next_answer = claim(host_.worker(2), next);

  SlotView views[8];
  uint32_t count = 0;
  EXPECT_EQ(reader.tail(views, 8, &count), Status::kEvicted);
  EXPECT_EQ(reader.ack(2), Status::kEvicted);
  EXPECT_EQ(reader.pin(1), Status::kLapped);
  EXPECT_NE(reader.park(), Status::kEmpty) << "it must not sleep";
  reader.leave();
  LaneReader late;
  EXPECT_EQ(late.join(worker, request, 0), Status::kStaleStream);
  uint64_t token = 0;
  EXPECT_EQ(claim_lane(worker, response, &token), Status::kStaleStream);
  uint8_t* slot = nullptr;
  EXPECT_EQ(answer.reserve(&slot), Status::kNotOwner);
  EXPECT_EQ(answer.fail(Status::kWorkerFailed), Status::kNotOwner);
  EXPECT_EQ(answer.release(), Status::kNotOwner);
  EXPECT_EQ(writer.reserve(&slot), Status::kStaleStream);
  EXPECT_EQ(give_verdict(worker, old, 0, true, 0, ""), Status::kStaleStream);
  EXPECT_EQ(hold_verdict(worker, old, 1), Status::kStaleStream);
  EXPECT_EQ(ingress_.abort(old, Status::kClientGone), Status::kStaleStream);
  EXPECT_EQ(ingress_.close(old), Status::kStaleStream);
  EXPECT_EQ(ingress_.reclaim(old), Status::kStaleStream);

  write_slots(next_writer, 1);
  write_slots(next_answer, 1);
  EXPECT_EQ(host_.response(next).control->failure.load(), 0U);
  LaneReader fresh = join(host_.worker(2), next, kRequestLane);
  EXPECT_EQ(tail_count(fresh), 4U);
}

TEST_F(IngressTest, SetsAsideWhatIsHeld) {
  const uint64_t id = host_.open();
  LaneWriter writer = request_writer(host_, id);
  write_slots(writer, 1);
  LaneReader reader = join(host_.worker(1), id, kRequestLane);
  tail_count(reader);
  ASSERT_OK(reader.pin(1));
  LaneWriter answer = claim(host_.worker(2), id);
  uint8_t* slot = nullptr;
  ASSERT_OK(writer.reserve(&slot));
  EXPECT_EQ(ingress_.reclaim(id), Status::kInvalidArgument) << "it is open";
  ASSERT_OK(ingress_.close(id));
  EXPECT_EQ(ingress_.close(id), Status::kStaleStream);
  EXPECT_EQ(ingress_.reclaim(id), Status::kFull) << "reader, pin, claim, writer";
  reader.leave();
  EXPECT_EQ(ingress_.reclaim(id), Status::kFull) << "pin, claim, writer";
  reader.unpin(1);
  EXPECT_EQ(ingress_.reclaim(id), Status::kFull) << "claim, writer";
  ASSERT_OK(answer.release());
  EXPECT_EQ(ingress_.reclaim(id), Status::kFull) << "the writer's open slot";
  for (int i = 0; i < 3; i++) EXPECT_NE(stream_index(host_.open()), stream_index(id));
  uint64_t none = 0;
  EXPECT_EQ(ingress_.open(0, "test", &none), Status::kNoFreeStream) << "set aside";
  ASSERT_OK(writer.release());
  ASSERT_OK(ingress_.reclaim(id));
  EXPECT_EQ(ingress_.reclaim(id), Status::kInvalidArgument);
  EXPECT_EQ(stream_index(host_.open()), stream_index(id));
}

TEST_F(IngressTest, APlaceInWhichAStaleJoinerStandsIsNotGivenOut) {
  const uint64_t id = host_.open();
  ReaderWord& word = host_.request(id).control->readers[3];
  host_.finish(id);
  const uint64_t free = word.owner.load();
  word.owner.store(reader_owner(stream_generation(id), 1, ReaderState::kJoining));
  for (int i = 0; i < 3; i++) EXPECT_NE(stream_index(host_.open()), stream_index(id));
  uint64_t other = 0;
  EXPECT_EQ(ingress_.open(0, "test", &other), Status::kNoFreeStream);
  word.owner.store(free);
  ASSERT_OK(ingress_.open(0, "test", &other));
  EXPECT_EQ(stream_index(other), stream_index(id));
  EXPECT_EQ(stream_generation(other), stream_generation(id) + 1) << "half-moved words go on";
}

TEST_F(IngressTest, GenerationsWrapPastZero) {
  StreamRow& row = host_.server()->stream(0);
  row.state.store(0xFFFFFFFFULL << 8);
  uint64_t id = 0;
  for (int i = 0; i < 4; i++) {
    const uint64_t next = host_.open();
    if (stream_index(next) == 0) id = next;
  }
  EXPECT_EQ(stream_generation(id), 1U);
  LaneWriter writer = request_writer(host_, id);
  write_slots(writer, 2);
  LaneReader reader = join(host_.worker(1), id, kRequestLane);
  EXPECT_EQ(tail_count(reader), 2U);
  row.state.store(0xFFFFFFFEULL << 8);
  reader.leave();
  ASSERT_EQ(host_.server()->lane_at(0, 0).generation, 0xFFFFFFFEU);
}

}  // namespace
}  // namespace ur::test
