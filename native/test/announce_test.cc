// Who is told of a new stream, what lists show, verdicts.
#include <algorithm>

#include "core/doorbell.h"
#include "core/ingress.h"
#include "core/recovery.h"
#include "core/verdict.h"
#include "test/support/host.h"

namespace ur::test {
namespace {

class AnnounceTest : public ::testing::Test {
 protected:
  // Bitmap of the workers that were rung for the stream.
  uint64_t rung() {
    uint64_t workers = 0;
    for (uint32_t w = 0; w < 8; w++) {
      if (take_ring(*host_.server(), w, stream_index(id_))) workers |= 1ULL << w;
    }
    return workers;
  }
  void wait_as(uint32_t worker, uint32_t role, bool on = true) {
    wait_for_streams(*host_.worker(worker), role, on);
  }

  Host host_;
  uint64_t id_ = host_.open();
};

TEST_F(AnnounceTest, TellsObserversAndTheLeastBusyResponder) {
  for (uint32_t worker : {1U, 2U, 3U}) wait_as(worker, kRoleResponder);
  for (uint32_t worker : {4U, 5U}) wait_as(worker, kRoleObserver);
  for (uint32_t worker : {1U, 3U}) host_.row(worker).in_flight.store(2);
  host_.ingress().announce(id_);
  EXPECT_EQ(rung(), 1U << 2 | 1U << 4 | 1U << 5);
  host_.row(2).in_flight.store(3);
  host_.row(3).in_flight.store(1);
  host_.ingress().announce(id_);
  EXPECT_EQ(rung(), 1U << 3 | 1U << 4 | 1U << 5);
  host_.ingress().announce_all(id_);
  EXPECT_EQ(rung(), 0b111110U);
  pass_on(*host_.worker(2), id_);
  EXPECT_EQ(rung(), 1U << 1 | 1U << 3) << "everybody else";
  wait_as(1, kRoleResponder, false);
  wait_as(4, kRoleObserver, false);
  host_.ingress().announce_all(id_);
  EXPECT_EQ(rung(), 1U << 2 | 1U << 3 | 1U << 5);
}

TEST_F(AnnounceTest, EquallyBusyRespondersTakeTurns) {
  uint64_t told = 0;
  for (uint32_t worker : {1U, 2U, 3U, 4U}) wait_as(worker, kRoleResponder);
  for (int i = 0; i < 126; i++) {
    host_.ingress().announce(id_);
    told |= rung();
  }
  EXPECT_EQ(told, 0b11110U);
}

TEST_F(AnnounceTest, RowsAndStreamsThatDoNotExistArePassedOver) {
  host_.server()->header().responders_waiting.store(~0ULL);
  host_.server()->header().observers_waiting.store(~0ULL);
  host_.ingress().announce(id_);
  host_.ingress().announce_all(id_);
  EXPECT_EQ(rung(), 0xFFU);
  const uint64_t stranger = make_stream_id(1, 65535);
  host_.ingress().announce(stranger);
  host_.ingress().announce_all(stranger);
  pass_on(*host_.worker(1), stranger);
  ring(*host_.server(), 1, 65535);
  for (uint32_t w = 0; w < 8; w++) EXPECT_FALSE(has_signals(*host_.server(), w));
}

TEST_F(AnnounceTest, ListsStreamsWhoseHeadIsThere) {
  EXPECT_TRUE(list_streams(*host_.worker(1), false).empty());
  LaneWriter writer = request_writer(host_, id_);
  write_slots(writer, 1);
  EXPECT_EQ(list_streams(*host_.worker(1), true), std::vector<uint64_t>{id_});
  LaneWriter answer = claim(host_.worker(1), id_);
  EXPECT_TRUE(list_streams(*host_.worker(1), true).empty());
  EXPECT_EQ(list_streams(*host_.worker(1), false), std::vector<uint64_t>{id_});
  write_slots(answer, 1);
  ASSERT_OK(answer.release());
  EXPECT_TRUE(list_streams(*host_.worker(1), true).empty()) << "somebody began to answer";
  host_.finish(id_);
  EXPECT_TRUE(list_streams(*host_.worker(1), false).empty());
}

class VerdictTest : public AnnounceTest {
 protected:
  VerdictView view(uint32_t observer) {
    return read_verdict(*host_.server(), stream_index(id_), observer);
  }
};

TEST_F(VerdictTest, TheFirstHolderHasTheDuty) {
  ASSERT_OK(hold_verdict(host_.worker(1), id_, 0));
  EXPECT_EQ(hold_verdict(host_.worker(2), id_, 0), Status::kAlreadyClaimed);
  EXPECT_EQ(hold_verdict(host_.worker(1), id_, 2), Status::kUnknownObserver);
  EXPECT_OK(hold_verdict(host_.worker(2), id_, 1));
  EXPECT_EQ(view(0).state, VerdictState::kHeld);
  EXPECT_EQ(view(0).worker, 1U);
  EXPECT_EQ(give_verdict(host_.worker(2), id_, 0, true, 0, ""), Status::kNotOwner);
  EXPECT_EQ(give_verdict(host_.worker(2), id_, 7, true, 0, ""), Status::kUnknownObserver);
  forget_rings(*host_.server(), 0);
  ASSERT_OK(give_verdict(host_.worker(1), id_, 0, true, 0, ""));
  EXPECT_EQ(rung(), 1U);
  EXPECT_EQ(view(0).state, VerdictState::kPassed);
  EXPECT_EQ(give_verdict(host_.worker(1), id_, 0, false, 403, "late"), Status::kNotOwner);
  EXPECT_EQ(hold_verdict(host_.worker(3), id_, 0), Status::kAlreadyClaimed);
}

TEST_F(VerdictTest, AVetoHasAStatusAndAReasonOfBoundedLength) {
  ASSERT_OK(hold_verdict(host_.worker(1), id_, 0));
  ASSERT_OK(give_verdict(host_.worker(1), id_, 0, false, 451, std::string(500, 'x')));
  EXPECT_EQ(view(0).state, VerdictState::kVetoed);
  EXPECT_EQ(view(0).status, 451U);
  EXPECT_EQ(view(0).reason, std::string(112, 'x'));
  host_.server()->stream(stream_index(id_)).verdicts[0].reason_length.store(~0U);
  EXPECT_EQ(view(0).reason.size(), 112U);
}

TEST_F(VerdictTest, ADeadHoldersDutyIsPendingAgain) {
  ASSERT_OK(hold_verdict(host_.worker(1), id_, 0));
  ASSERT_OK(hold_verdict(host_.worker(1), id_, 1));
  ASSERT_OK(give_verdict(host_.worker(1), id_, 1, true, 0, ""));
  EXPECT_EQ(recover_worker(*host_.server(), 1).verdicts, 1U);
  EXPECT_EQ(view(0).state, VerdictState::kPending);
  EXPECT_EQ(view(0).attempt, 1U);
  EXPECT_EQ(view(0).worker, kNoIndex);
  EXPECT_EQ(view(1).state, VerdictState::kPassed) << "what was said stays";
  EXPECT_EQ(give_verdict(host_.worker(1), id_, 0, true, 0, ""), Status::kNotOwner);
  EXPECT_OK(hold_verdict(host_.worker(2), id_, 0));
}

TEST_F(VerdictTest, AnAbortedStreamTakesNone) {
  ASSERT_OK(hold_verdict(host_.worker(1), id_, 0));
  ASSERT_OK(host_.ingress().abort(id_, Status::kClientGone));
  EXPECT_EQ(give_verdict(host_.worker(1), id_, 0, true, 0, ""), Status::kClientGone);
  EXPECT_EQ(hold_verdict(host_.worker(1), id_, 1), Status::kClientGone);
}

}  // namespace
}  // namespace ur::test
