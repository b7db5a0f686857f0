// What goes wrong, through the C interface: aborts, evictions, deaths, detaching, servers that are none.
#include <sys/wait.h>

#include <atomic>
#include <set>

#include "test/support/capi.h"

namespace ur::test {
namespace {

using CapiFailuresTest = CapiTest;

TEST_F(CapiFailuresTest, AnAbortEndsEveryWait) {
  const Worker worker = this->worker();
  Upload upload(&host());
  const Taken taken = next(worker);
  ASSERT_DONE(ur_exchange_respond(taken.get(), 200, nullptr, 0));
  EXPECT_DONE(ur_exchange_status(taken.get()));
  std::thread reading([&] {
    ur_slot slot;
    EXPECT_EQ(ur_reader_next(ur_exchange_request(taken.get()), -1, &slot), UR_CLIENT_GONE);
  });
  std::thread writing([&] {
    const std::string body(100 * 1024, 'x');
    EXPECT_EQ(ur_writer_write(ur_exchange_response(taken.get()), body.data(), body.size(), -1),
              UR_CLIENT_GONE);
  });
  ASSERT_TRUE(eventually([&] {  // both are parked
    const LaneRef request = host().request(upload.id()), response = host().response(upload.id());
    return request.control->parked.load() != 0 && response.control->writer_parked.load() != 0;
  }));
  upload.abort(Status::kClientGone);
  reading.join();
  writing.join();
  EXPECT_EQ(ur_exchange_status(taken.get()), UR_CLIENT_GONE);
  EXPECT_EQ(ur_writer_end(ur_exchange_response(taken.get()), -1), UR_CLIENT_GONE);
}

TEST_F(CapiFailuresTest, WhatIsLeftUnansweredFails) {
  const Worker worker = this->worker();
  Upload upload(&host());
  next(worker).reset();
  EXPECT_EQ(upload.failure(), static_cast<uint32_t>(-UR_WORKER_FAILED));
  EXPECT_FALSE(upload.is_claimed());
  EXPECT_TRUE(upload.reclaim());
  Upload begun(&host());
  Taken taken = next(worker);
  ASSERT_DONE(ur_exchange_respond(taken.get(), 200, nullptr, 0));
  ASSERT_DONE(ur_writer_fail(ur_exchange_response(taken.get()), UR_BAD_REQUEST));
  EXPECT_EQ(begun.failure(), static_cast<uint32_t>(-UR_BAD_REQUEST));
  EXPECT_EQ(ur_writer_write(ur_exchange_response(taken.get()), "x", 1, 0), UR_LANE_ENDED);
}

TEST_F(CapiFailuresTest, AnEvictedReaderIsToldBeforeItsResultCounts) {
  const Worker worker = this->worker();
  Upload upload(&host());
  upload.send("x");
  const Taken taken = next(worker);
  ur_reader* reader = ur_exchange_request(taken.get());
  ur_slot slot;
  ASSERT_EQ(ur_reader_next(reader, 0, &slot), 1);
  EXPECT_EQ(host().ingress().evict(host().request(upload.id()), 1), 1U);
  EXPECT_EQ(ur_exchange_status(taken.get()), UR_EVICTED);
  EXPECT_EQ(ur_reader_ack(reader, slot.id), UR_EVICTED);
  EXPECT_EQ(ur_reader_advance(reader, slot.id, -1, &slot), UR_EVICTED);
  upload.end();
  EXPECT_EQ(ur_reader_next(reader, 0, &slot), UR_EVICTED);
  EXPECT_EQ(ur_reader_next(reader, -1, &slot), UR_EVICTED);
}

TEST_F(CapiFailuresTest, AClaimThatIsLostIsNotWrittenTo) {
  const Worker worker = this->worker();
  Upload upload(&host());
  const Taken taken = next(worker);
  host().response(upload.id()).control->claim.store(upload.id() >> 16 << 32 | 7);
  EXPECT_EQ(ur_exchange_respond(taken.get(), 200, nullptr, 0), UR_NOT_OWNER);
  EXPECT_EQ(ur_exchange_status(taken.get()), UR_NOT_OWNER);
}

TEST_F(CapiFailuresTest, ADamagedSlotIsFound) {
  ur_worker_options given = options();
  given.flags = UR_WORKER_VERIFY;
  const Worker worker = attached(given);
  Upload upload(&host());
  upload.send("right");
  upload.send("wrong");
  host().request(upload.id()).slot_data(3)[0] ^= 1;
  const Taken taken = next(worker);
  ur_slot slot;
  EXPECT_EQ(ur_reader_next(ur_exchange_request(taken.get()), 0, &slot), 1);
  EXPECT_EQ(ur_reader_next(ur_exchange_request(taken.get()), 0, &slot), UR_HASH_MISMATCH);
}

TEST_F(CapiFailuresTest, SlotsThatBreakTheRulesAreCorrupt) {
  const Worker worker = this->worker();
  for (const uint32_t flags : {0U, 3U, 64U, uint32_t{kSlotHead}}) {
    Upload upload(&host());
    upload.send("x");
    host().request(upload.id()).header(2).flags.store(flags);
    const Taken taken = next(worker);
    ur_slot slot;
    EXPECT_EQ(ur_reader_next(ur_exchange_request(taken.get()), 0, &slot), UR_SEGMENT_CORRUPT);
  }
  Upload upload(&host());
  upload.send("control");
  upload.send("seen");
  host().request(upload.id()).header(2).flags.store(kSlotControl);
  const Taken taken = next(worker);
  ur_slot slot;
  ASSERT_EQ(ur_reader_next(ur_exchange_request(taken.get()), 0, &slot), 1);
  EXPECT_EQ(slot.id, 3U) << "control is skipped";
}

TEST_F(CapiFailuresTest, DetachingEndsWhatWaitsAndWhatIsOpen) {
  const Worker worker = this->worker();
  Upload upload(&host());
  Taken taken = next(worker);
  std::atomic<int> ended{0};
  std::vector<std::thread> threads;
  threads.emplace_back([&] {
    ur_slot slot;
    EXPECT_EQ(ur_reader_next(ur_exchange_request(taken.get()), -1, &slot), UR_DETACHED);
    ended++;
  });
  threads.emplace_back([&] {
    EXPECT_EQ(next_error(worker, -1), UR_DETACHED);
    ended++;
  });
  ASSERT_TRUE(eventually([&] {
    return host().server()->header().responders_waiting.load() != 0 &&
           host().request(upload.id()).control->parked.load() != 0;
  }));
  ur_worker_detach(worker.get());
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(ended, 2);
  server_.next(ArbiterEvent::Kind::kDead);
  EXPECT_TRUE(claim_owner(host().response(upload.id())).orphan) << "for the server to re-queue";
  ur_slot slot;
  ur_writer* writer = nullptr;
  ur_reader* reader = nullptr;
  ur_exchange* exchange = taken.get();
  EXPECT_EQ(next_error(worker, 0), UR_DETACHED);
  EXPECT_EQ(ur_reader_next(ur_exchange_request(exchange), 0, &slot), UR_DETACHED);
  EXPECT_EQ(ur_reader_ack(ur_exchange_request(exchange), 1), UR_DETACHED);
  EXPECT_EQ(ur_reader_pin(ur_exchange_request(exchange), 1), UR_DETACHED);
  EXPECT_EQ(ur_exchange_respond(exchange, 200, nullptr, 0), UR_DETACHED);
  EXPECT_EQ(ur_writer_write(ur_exchange_response(exchange), "x", 1, 0), UR_DETACHED);
  EXPECT_EQ(ur_writer_fail(ur_exchange_response(exchange), UR_WORKER_FAILED), UR_DETACHED);
  EXPECT_EQ(ur_exchange_status(exchange), UR_DETACHED);
  EXPECT_EQ(ur_exchange_wait(exchange, -1), UR_DETACHED);
  EXPECT_EQ(ur_exchange_accept(exchange), UR_DETACHED);
  EXPECT_EQ(ur_exchange_stage(exchange, "resize"), UR_DETACHED);
  EXPECT_EQ(ur_exchange_open_reader(exchange, 0, 0, &reader), UR_DETACHED);
  EXPECT_EQ(ur_exchange_open_writer(exchange, 2, &writer), UR_DETACHED);
  EXPECT_STREQ(ur_exchange_head(exchange)->path, "/upload") << "what is private stays";
  EXPECT_DONE(ur_worker_attach(worker.get(), 0)) << "and it can come again";
}

TEST_F(CapiFailuresTest, AnExchangeMayOutliveItsWorker) {
  Worker worker = this->worker();
  Upload upload(&host());
  Taken taken = next(worker);
  worker.reset();
  EXPECT_EQ(ur_exchange_status(taken.get()), UR_DETACHED);
  taken.reset();
}

// Detaches while other threads do everything that they can.
TEST_F(CapiFailuresTest, DetachingInTheMiddleOfEverything) {
  for (int round = 0; round < 20; round++) {
    const Worker worker = this->worker();
    Upload upload(&host());
    Taken taken = next(worker);
    std::atomic<bool> go{true};
    std::vector<std::thread> threads;
    threads.emplace_back([&] {
      ur_slot slot;
      ur_reader* reader = ur_exchange_request(taken.get());
      while (go) {
        if (ur_reader_next(reader, 0, &slot) == 1) ur_reader_ack(reader, slot.id);
      }
    });
    threads.emplace_back([&] {
      ur_exchange_respond(taken.get(), 200, nullptr, 0);
      while (go) ur_writer_write(ur_exchange_response(taken.get()), "x", 1, 0);
    });
    threads.emplace_back([&] {
      while (go) {
        ur_exchange_status(taken.get());
        next_error(worker, 0);
        ur_worker_info info = {};
        info.size = sizeof info;
        ur_worker_info_get(worker.get(), &info);
      }
    });
    for (int i = 0; i < 3; i++) upload.send("x");
    ur_worker_detach(worker.get());
    go = false;
    for (std::thread& thread : threads) thread.join();
    server_.next(ArbiterEvent::Kind::kDead);
  }
}

TEST(CapiServerTest, AttachesAgainWhenTheServerIsThereAgain) {
  Folder folder;
  const std::string socket = folder.file("control.sock");
  ur_worker_options given = options_for(socket);
  const Worker worker = made(given);
  EXPECT_EQ(ur_worker_attach(worker.get(), 0), UR_SERVER_GONE);
  EXPECT_STRNE(ur_error_detail(), "");
  EXPECT_EQ(next_error(worker, 0), UR_DETACHED);
  std::set<std::string> boots;
  for (int i = 0; i < 2; i++) {
    std::thread attaching([&] { EXPECT_DONE(ur_worker_attach(worker.get(), kPatience)); });
    auto host = std::make_unique<Host>();
    Arbiter arbiter;
    std::string detail;
    ASSERT_OK(arbiter.listen(socket, &detail)) << detail;
    ASSERT_OK(arbiter.start(host->server(), "server", &detail)) << detail;
    attaching.join();
    Upload upload(host.get());
    const Taken taken = next(worker);
    ur_worker_info info = {};
    info.size = sizeof info;
    ASSERT_DONE(ur_worker_info_get(worker.get(), &info));
    EXPECT_EQ(info.index, 1U);
    EXPECT_EQ(info.connected, 1U);
    EXPECT_EQ(info.in_flight, 1U);
    EXPECT_EQ(info.segment_bytes, host->server()->size());
    boots.insert(std::string(reinterpret_cast<char*>(info.boot_uuid), sizeof info.boot_uuid));
    std::thread waiting([&] {
      ur_slot slot;
      EXPECT_EQ(ur_reader_next(ur_exchange_request(taken.get()), -1, &slot), UR_SERVER_GONE);
    });
    arbiter.stop();
    EXPECT_EQ(next_error(worker, -1), UR_SERVER_GONE);
    waiting.join();
    EXPECT_EQ(ur_exchange_status(taken.get()), UR_SERVER_GONE);
    EXPECT_EQ(ur_exchange_respond(taken.get(), 200, nullptr, 0), UR_SERVER_GONE);
  }
  EXPECT_EQ(boots.size(), 2U);
}

TEST(CapiServerTest, AStopEndsAWaitForAServer) {
  Folder folder;
  const std::string socket = folder.file("control.sock");
  const Worker worker = made(options_for(socket));
  std::thread attaching([&] { EXPECT_EQ(ur_worker_attach(worker.get(), -1), UR_SHUTTING_DOWN); });
  ur_worker_stop(worker.get());
  attaching.join();
}

TEST_F(CapiFailuresTest, AFullSegmentAndAnUnknownObserverAreSaid) {
  ur_worker_options given = options();
  given.role = UR_ROLE_OBSERVER;
  given.observer = "nobody";
  const Worker unknown = made(given);
  EXPECT_EQ(ur_worker_attach(unknown.get(), -1), UR_UNKNOWN_OBSERVER);
  std::vector<Worker> workers;
  for (int i = 0; i < 7; i++) workers.push_back(worker());
  const Worker one_more = made(options());
  EXPECT_EQ(ur_worker_attach(one_more.get(), 0), UR_NO_FREE_WORKER);
  std::thread attaching([&] { EXPECT_DONE(ur_worker_attach(one_more.get(), kPatience)); });
  workers.pop_back();
  attaching.join();
}

}  // namespace
}  // namespace ur::test
