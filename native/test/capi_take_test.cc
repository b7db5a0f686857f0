// Which streams a worker takes, through the C interface.
#include <atomic>

#include "core/doorbell.h"
#include "core/verdict.h"
#include "test/support/capi.h"

namespace ur::test {
namespace {

using CapiTakeTest = CapiTest;

TEST_F(CapiTakeTest, TakesWhatWasThereAndWhatComes) {
  Upload before(&host());
  const Worker worker = this->worker();
  const Taken first = next(worker);
  EXPECT_EQ(ur_exchange_id(first.get()), before.id());
  EXPECT_EQ(next_error(worker, 0), UR_EMPTY);
  EXPECT_EQ(next_error(worker, 1), UR_EMPTY);
  Upload after(&host());
  const Taken second = next(worker);
  EXPECT_EQ(ur_exchange_id(second.get()), after.id());
}

TEST_F(CapiTakeTest, AStreamIsTakenOnce) {
  const Worker one = worker(), other = worker();
  Upload upload(&host());
  const Taken taken = next(one);
  EXPECT_EQ(next_error(other, 1), UR_EMPTY);
  host().ingress().announce_all(upload.id());
  EXPECT_EQ(next_error(other, 1), UR_EMPTY);
  EXPECT_EQ(next_error(one, 1), UR_EMPTY);
}

TEST_F(CapiTakeTest, EachOf200StreamsHasOneWinnerOutOf8) {
  std::vector<Worker> workers;
  for (int i = 0; i < 7; i++) workers.push_back(worker());  // row 0 is the server's
  std::atomic<uint32_t> won{0};
  std::vector<std::thread> threads;
  for (uint32_t i = 0; i < 8; i++) {
    threads.emplace_back([&, i] {
      const Worker& mine = workers[i % 7];  // two threads of the last one
      ur_exchange* exchange = nullptr;
      int result = UR_OK;
      while ((result = ur_worker_next(mine.get(), kPatience, &exchange)) == UR_OK) {
        const std::string text = std::to_string(ur_exchange_id(exchange));
        EXPECT_DONE(ur_exchange_respond(exchange, 200, nullptr, 0));
        ur_writer* writer = ur_exchange_response(exchange);
        EXPECT_GT(ur_writer_write(writer, text.data(), text.size(), kPatience), 0);
        EXPECT_DONE(ur_writer_end(writer, kPatience));
        ur_exchange_close(exchange);
        won++;
      }
      EXPECT_EQ(result, UR_SHUTTING_DOWN);
    });
  }
  for (int i = 0; i < 200; i++) {
    Upload upload(&host());
    upload.end();
    host().ingress().announce_all(upload.id());
    EXPECT_EQ(upload.whole_answer().body, std::to_string(upload.id()));
    EXPECT_TRUE(eventually([&] { return upload.reclaim(); }));
  }
  for (const Worker& each : workers) ur_worker_stop(each.get());
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(won, 200U);
}

TEST_F(CapiTakeTest, PathsMeanWhatTheyMeanInNode) {
  const char* const paths[] = {"/a", "/dir/"};
  ur_worker_options given = options();
  given.paths = paths;
  given.path_count = 2;
  const Worker worker = attached(given);
  for (const char* path : {"/", "/ab", "/dir", "/b/a"}) {
    Upload upload(&host(), {.path = path});
    EXPECT_EQ(next_error(worker, 1), UR_EMPTY) << path;
    EXPECT_FALSE(upload.is_claimed());
  }
  for (const char* path : {"/a", "/a?q", "/a/b", "/dir/", "/dir/x"}) {
    Upload upload(&host(), {.path = path});
    EXPECT_STREQ(ur_exchange_head(next(worker).get())->path, path);
  }
}

TEST_F(CapiTakeTest, TransportStageAndAcceptChoose) {
  ur_worker_options given = options();
  given.transport = "http1";
  const Worker other_transport = attached(given);
  given.transport = "test";
  given.stage = "none";
  const Worker other_stage = attached(given);
  given.stage = "resize";
  std::string seen;
  given.context = &seen;
  given.accept = [](const ur_head* head, void* context) {
    *static_cast<std::string*>(context) += head->path;
    return std::strcmp(head->path, "/no") == 0 ? 0 : 1;
  };
  const Worker worker = attached(given);
  Upload no(&host(), {.path = "/no"});
  Upload yes(&host(), {.path = "/yes"});
  EXPECT_EQ(next_error(other_transport, 1), UR_EMPTY);
  EXPECT_EQ(next_error(other_stage, 1), UR_EMPTY);
  EXPECT_STREQ(ur_exchange_head(next(worker).get())->path, "/yes");
  EXPECT_EQ(next_error(worker, 1), UR_EMPTY);
  EXPECT_EQ(seen, "/no/yes") << "nobody is asked twice";
}

TEST_F(CapiTakeTest, NoMoreThanItsCapacity) {
  ur_worker_options given = options();
  given.capacity = 1;
  const Worker worker = attached(given);
  Upload first(&host()), second(&host());
  Taken taken = next(worker);
  EXPECT_EQ(next_error(worker, 1), UR_EMPTY);
  EXPECT_EQ(server_.row(1).capacity.load(), 1U);
  EXPECT_EQ(server_.row(1).in_flight.load(), 1U);
  std::thread waiting([&] { EXPECT_EQ(ur_exchange_id(next(worker).get()), second.id()); });
  taken.reset();
  waiting.join();
  EXPECT_EQ(server_.row(1).in_flight.load(), 0U);
  EXPECT_DONE(ur_worker_set_capacity(worker.get(), 0));
  Upload third(&host());
  EXPECT_EQ(next_error(worker, 1), UR_EMPTY);
  EXPECT_DONE(ur_worker_set_capacity(worker.get(), 2));
  EXPECT_EQ(server_.row(1).capacity.load(), 2U);
  EXPECT_EQ(ur_exchange_id(next(worker).get()), third.id());
  EXPECT_EQ(ur_worker_set_capacity(worker.get(), 65537), UR_INVALID_ARGUMENT);
}

// Announced to one that is not asked for any more, a stream must not wait for it.
TEST_F(CapiTakeTest, WhatItDoesNotWantIsPassedOn) {
  const char* const nothing[] = {"/nothing"};
  ur_worker_options given = options();
  given.paths = nothing;
  given.path_count = 1;
  const Worker picky = attached(given);
  const Worker other = worker();
  EXPECT_EQ(next_error(picky, 0), UR_EMPTY);
  EXPECT_EQ(next_error(other, 0), UR_EMPTY);
  Upload upload(&host());
  forget_rings(*host().server(), 2);
  ring(*host().server(), 1, stream_index(upload.id()));
  EXPECT_EQ(next_error(picky, 0), UR_EMPTY);
  EXPECT_TRUE(take_ring(*host().server(), 2, stream_index(upload.id())));
  host().ingress().announce_all(upload.id());
  EXPECT_EQ(ur_exchange_id(next(other).get()), upload.id());
}

TEST_F(CapiTakeTest, AfterAnAskThatEndedItIsOfferedNothing) {
  const Worker worker = this->worker();
  EXPECT_EQ(next_error(worker, 1), UR_EMPTY);
  EXPECT_EQ(host().server()->header().responders_waiting.load(), 0U);
  EXPECT_EQ(next_error(worker, 0), UR_EMPTY);
  EXPECT_EQ(host().server()->header().responders_waiting.load(), 2U);
  Upload upload(&host());
  const Taken taken = next(worker, 0);
  EXPECT_EQ(host().server()->header().responders_waiting.load(), 0U);
}

TEST_F(CapiTakeTest, AStreamThatIsOfferedAgainIsTakenAgain) {
  const Worker first = worker();
  Upload upload(&host());
  upload.send("whole");
  const Taken lost = next(first);
  const uint64_t token = ur_writer_token(ur_exchange_response(lost.get()));
  ur_worker_detach(first.get());
  server_.next(ArbiterEvent::Kind::kDead);
  ASSERT_OK(requeue_lane(host().server(), host().response(upload.id())));
  const Worker second = worker();
  const Taken taken = next(second);
  EXPECT_EQ(ur_exchange_id(taken.get()), upload.id());
  EXPECT_NE(ur_writer_token(ur_exchange_response(taken.get())), token);
  ur_slot slot;
  EXPECT_EQ(ur_reader_next(ur_exchange_request(taken.get()), kPatience, &slot), 1);
}

TEST_F(CapiTakeTest, WhoComesTooLateForARequestGivesItUp) {
  Upload upload(&host());
  upload.let_go();
  LaneReader reader = join(host().server(), upload.id(), kRequestLane, 0);
  for (int i = 0; i < 8; i++) {
    upload.send("x");
    EXPECT_EQ(tail_count(reader), i == 0 ? 2U : 1U);
    ASSERT_OK(reader.ack(reader.position()));
  }
  const Worker worker = this->worker();
  EXPECT_EQ(next_error(worker, 1), UR_EMPTY) << "its head has gone";
  ur_worker_options given = options();
  given.role = UR_ROLE_OBSERVER;
  given.observer = "scan";
  const Worker observer = attached(given);
  EXPECT_EQ(next_error(observer, 1), UR_EMPTY);
  ur_worker_info info = {};
  info.size = sizeof info;
  ASSERT_DONE(ur_worker_info_get(observer.get(), &info));
  EXPECT_EQ(info.missed, 1U);
  const VerdictView verdict = read_verdict(*host().server(), stream_index(upload.id()), 0);
  EXPECT_EQ(verdict.state, VerdictState::kVetoed);
  EXPECT_EQ(verdict.status, 503U);
  reader.leave();
}

}  // namespace
}  // namespace ur::test
