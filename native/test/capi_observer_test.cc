// Observers, verdicts and stages through the C interface.
#include "core/verdict.h"
#include "test/support/capi.h"

namespace ur::test {
namespace {

class CapiObserverTest : public CapiTest {
 protected:
  Worker observer(const char* name = nullptr, uint32_t role = UR_ROLE_OBSERVER) {
    ur_worker_options given = options();
    given.role = role;
    given.observer = name;
    return attached(given);
  }
  VerdictView verdict(const Upload& upload) {
    return read_verdict(*host().server(), stream_index(upload.id()), 0);
  }
};

TEST_F(CapiObserverTest, ReadsBesideTheResponder) {
  const Worker responder = worker(), one = observer(), two = observer();
  Upload upload(&host());
  upload.send("seen by three");
  upload.end();
  const Taken answering = next(responder), first = next(one), second = next(two);
  EXPECT_NE(ur_exchange_response(answering.get()), nullptr);
  EXPECT_EQ(ur_exchange_response(first.get()), nullptr);
  EXPECT_EQ(ur_exchange_respond(first.get(), 200, nullptr, 0), UR_INVALID_ARGUMENT);
  for (const Taken* each : {&answering, &first, &second}) {
    std::string body;
    EXPECT_EQ(read_all(ur_exchange_request(each->get()), &body), 0);
    EXPECT_EQ(body, "seen by three");
  }
  EXPECT_EQ(ur_exchange_accept(first.get()), UR_UNSUPPORTED);
  EXPECT_EQ(ur_exchange_veto(first.get(), 422, "no"), UR_UNSUPPORTED);
}

TEST_F(CapiObserverTest, ARequiredObserverLetsPassOrRefuses) {
  const Worker scan = observer("scan");
  {
    Upload upload(&host());
    const Taken taken = next(scan);
    EXPECT_EQ(verdict(upload).state, VerdictState::kHeld);
    EXPECT_EQ(ur_exchange_veto(taken.get(), 200, "x"), UR_INVALID_ARGUMENT);
    EXPECT_DONE(ur_exchange_accept(taken.get()));
    EXPECT_EQ(verdict(upload).state, VerdictState::kPassed);
    EXPECT_DONE(ur_exchange_veto(taken.get(), 422, "too late"));
    EXPECT_EQ(verdict(upload).state, VerdictState::kPassed);
  }
  {
    Upload upload(&host());
    const Taken taken = next(scan);
    EXPECT_DONE(ur_exchange_veto(taken.get(), 451, std::string(200, 'r').c_str()));
    EXPECT_EQ(verdict(upload).state, VerdictState::kVetoed);
    EXPECT_EQ(verdict(upload).status, 451U);
    EXPECT_EQ(verdict(upload).reason, std::string(112, 'r'));
  }
  Upload upload(&host());
  next(scan).reset();
  EXPECT_EQ(verdict(upload).status, 502U) << "who cannot judge must not let pass";
}

TEST_F(CapiObserverTest, OneOfANameHasTheDuty) {
  const Worker one = observer("scan"), other = observer("scan");
  Upload upload(&host());
  Taken taken = next(one);
  EXPECT_EQ(next_error(other, 1), UR_EMPTY);
  ur_worker_detach(one.get());
  server_.next(ArbiterEvent::Kind::kDead);
  EXPECT_EQ(verdict(upload).state, VerdictState::kPending);
  host().ingress().announce_all(upload.id());
  const Taken again = next(other);
  EXPECT_DONE(ur_exchange_accept(again.get()));
}

TEST_F(CapiObserverTest, WhoObservesMayClaim) {
  const Worker both = observer(nullptr, UR_ROLE_OBSERVER | UR_ROLE_RESPONDER);
  const Worker only = observer();
  Upload upload(&host());
  const Taken taken = next(both), watching = next(only);
  ur_writer* writer = nullptr;
  EXPECT_EQ(ur_exchange_open_writer(watching.get(), UR_LANE_RESPONSE, &writer), UR_UNSUPPORTED);
  EXPECT_EQ(ur_exchange_open_writer(taken.get(), UR_LANE_REQUEST, &writer), UR_INVALID_ARGUMENT);
  EXPECT_EQ(ur_exchange_open_writer(taken.get(), 99, &writer), UR_INVALID_ARGUMENT);
  ASSERT_DONE(ur_exchange_open_writer(taken.get(), UR_LANE_RESPONSE, &writer));
  EXPECT_EQ(writer, ur_exchange_response(taken.get()));
  ur_writer* second = nullptr;
  EXPECT_EQ(ur_exchange_open_writer(taken.get(), UR_LANE_RESPONSE, &second), UR_ALREADY_CLAIMED);
  ur_reader* answer = nullptr;
  ASSERT_DONE(ur_exchange_open_reader(watching.get(), UR_LANE_RESPONSE, 0, &answer));
  EXPECT_EQ(ur_reader_head(answer), nullptr);
  ASSERT_DONE(ur_exchange_respond(taken.get(), 200, nullptr, 0));
  EXPECT_EQ(ur_writer_write(writer, "mine", 4, 0), 4);
  ASSERT_DONE(ur_writer_end(writer, 0));
  EXPECT_EQ(upload.answer().body, "mine");
  std::string body;
  EXPECT_EQ(read_all(answer, &body), 0);
  EXPECT_EQ(body, "mine");
  EXPECT_EQ(ur_reader_head(answer)->status, 200U);
}

TEST_F(CapiObserverTest, AStageIsWrittenByOneAndReadByAny) {
  const Worker extractor = observer(), responder = worker();
  Upload upload(&host());
  const Taken writing = next(extractor), reading = next(responder);
  const int stage = ur_exchange_stage(writing.get(), "resize");
  ASSERT_EQ(stage, 2);
  EXPECT_EQ(ur_exchange_stage(writing.get(), "none"), UR_UNKNOWN_STAGE);
  ur_reader* reader = nullptr;
  ASSERT_DONE(ur_exchange_open_reader(reading.get(), stage, 0, &reader));
  ur_slot slot;
  EXPECT_EQ(ur_reader_next(reader, 0, &slot), UR_EMPTY) << "joined before it was begun";
  ur_writer* writer = nullptr;
  ASSERT_DONE(ur_exchange_open_writer(writing.get(), stage, &writer));
  ur_writer* other = nullptr;
  EXPECT_EQ(ur_exchange_open_writer(reading.get(), stage, &other), UR_ALREADY_CLAIMED);
  EXPECT_EQ(ur_writer_write(writer, "text", 4, 0), 4);
  EXPECT_DONE(ur_writer_end(writer, 0));
  std::string text;
  EXPECT_EQ(read_all(reader, &text), 0);
  EXPECT_EQ(text, "text");
  ur_reader_close(reader);
  ur_reader* late = nullptr;
  ASSERT_DONE(ur_exchange_open_reader(reading.get(), stage, UR_FROM_NEWEST, &late));
  EXPECT_EQ(ur_reader_next(late, 0, &slot), UR_EMPTY);
}

TEST_F(CapiObserverTest, AStageThatFailsSaysWhy) {
  const Worker extractor = observer(), responder = worker();
  for (const int error : {UR_WORKER_FAILED, UR_BAD_REQUEST, UR_OK}) {
    Upload upload(&host());
    const Taken writing = next(extractor), reading = next(responder);
    ur_reader* reader = nullptr;
    ur_writer* writer = nullptr;
    ASSERT_DONE(ur_exchange_open_reader(reading.get(), 2, 0, &reader));
    ASSERT_DONE(ur_exchange_open_writer(writing.get(), 2, &writer));
    EXPECT_EQ(ur_writer_fail(writer, -999), UR_INVALID_ARGUMENT);
    EXPECT_EQ(ur_writer_fail(writer, 1), UR_INVALID_ARGUMENT);
    if (error == UR_OK) {
      ur_writer_close(writer);
    } else {
      EXPECT_DONE(ur_writer_fail(writer, error));
      EXPECT_EQ(ur_writer_write(writer, "x", 1, 0), UR_LANE_ENDED);
    }
    ur_slot slot;
    EXPECT_EQ(ur_reader_next(reader, kPatience, &slot), error == UR_OK ? UR_WORKER_FAILED : error);
  }
}

TEST_F(CapiObserverTest, ALateReaderIsToldOfTheGap) {
  const Worker responder = worker();
  Upload upload(&host());
  const Taken taken = next(responder);
  upload.let_go();
  ur_reader* reader = ur_exchange_request(taken.get());
  ur_slot slot;
  for (int i = 0; i < 10; i++) {
    upload.send("x");
    ASSERT_EQ(ur_reader_next(reader, kPatience, &slot), 1);
    ASSERT_DONE(ur_reader_ack(reader, slot.id));
  }
  ur_reader* late = nullptr;
  ASSERT_DONE(ur_exchange_open_reader(taken.get(), UR_LANE_REQUEST, 0, &late));
  EXPECT_EQ(ur_reader_gap(late), 3U);
  EXPECT_EQ(ur_reader_gap(reader), 0U);
  ASSERT_EQ(ur_reader_next(late, 0, &slot), 1);
  EXPECT_EQ(slot.id, 4U);
  ur_reader* more[3] = {};
  for (ur_reader*& each : more) {
    const int result = ur_exchange_open_reader(taken.get(), UR_LANE_REQUEST, 4, &each);
    EXPECT_EQ(result, each == more[2] ? UR_NO_FREE_READER : UR_OK);
    if (result != UR_OK) break;
  }
  EXPECT_EQ(ur_exchange_open_reader(taken.get(), UR_LANE_REQUEST, -3, &late), UR_INVALID_ARGUMENT);
}

}  // namespace
}  // namespace ur::test
