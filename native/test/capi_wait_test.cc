// Waiting through the C interface: threads, the descriptor, stopping.
#include <poll.h>

#include <atomic>
#include <csignal>

#include "test/support/capi.h"

namespace ur::test {
namespace {

using CapiWaitTest = CapiTest;

bool is_readable(int fd, int timeout_ms) {
  pollfd watched = {fd, POLLIN, 0};
  return poll(&watched, 1, timeout_ms) == 1;
}

TEST_F(CapiWaitTest, AReaderIsWokenByEachSlot) {
  const Worker worker = this->worker();
  Upload upload(&host());
  const Taken taken = next(worker);
  std::atomic<int> seen{0};
  std::thread reading([&] {
    ur_slot slot;
    while (ur_reader_next(ur_exchange_request(taken.get()), kPatience, &slot) == 1) seen++;
  });
  for (int i = 0; i < 5; i++) {
    upload.send("x");
    ASSERT_TRUE(eventually([&] { return seen == i + 1; }));
  }
  upload.end();
  reading.join();
}

TEST_F(CapiWaitTest, AWriterIsWokenWhenThereIsRoom) {
  const Worker worker = this->worker();
  Upload upload(&host());
  const Taken taken = next(worker);
  ASSERT_DONE(ur_exchange_respond(taken.get(), 200, nullptr, 0));
  std::thread writing([&] {
    const std::string body(50 * 1024, 'w');
    ur_writer* writer = ur_exchange_response(taken.get());
    EXPECT_EQ(ur_writer_write(writer, body.data(), body.size(), kPatience), 50 * 1024);
    EXPECT_DONE(ur_writer_end(writer, kPatience));
  });
  EXPECT_EQ(upload.whole_answer().body.size(), 50U * 1024);
  writing.join();
}

// One sits on the doorbell, and hands on what is for the others; whoever ends, somebody sits.
// Until the worker stops.
void answer_all(ur_worker* worker, std::atomic<int>* answered) {
  for (;;) {
    ur_exchange* exchange = nullptr;
    if (ur_worker_next(worker, -1, &exchange) != UR_OK) return;
    std::string body;
    EXPECT_EQ(read_all(ur_exchange_request(exchange), &body), 0);
    EXPECT_DONE(ur_exchange_respond(exchange, 200, nullptr, 0));
    ur_writer* writer = ur_exchange_response(exchange);
    EXPECT_EQ(ur_writer_write(writer, body.data(), body.size(), kPatience),
              static_cast<int64_t>(body.size()));
    EXPECT_DONE(ur_writer_end(writer, kPatience));
    ur_exchange_close(exchange);
    (*answered)++;
  }
}

TEST_F(CapiWaitTest, ManyThreadsOfOneWorkerWaitAtOnce) {
  std::atomic<int> answered{0};
  // Each worker is stopped while its threads come back for more.
  for (int round = 0; round < 25; round++) {
    const Worker worker = this->worker();
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; t++) threads.emplace_back([&] { answer_all(worker.get(), &answered); });
    std::vector<std::unique_ptr<Upload>> uploads;
    for (int i = 0; i < 4; i++) uploads.push_back(std::make_unique<Upload>(&host()));
    for (auto upload = uploads.rbegin(); upload != uploads.rend(); ++upload) {
      (*upload)->send("part one, ");
      (*upload)->send("part two");
      (*upload)->end();
    }
    for (const auto& upload : uploads) {
      EXPECT_EQ(upload->whole_answer().body, "part one, part two");
    }
    ur_worker_stop(worker.get());
    for (std::thread& thread : threads) thread.join();
    for (const auto& upload : uploads) EXPECT_TRUE(eventually([&] { return upload->reclaim(); }));
  }
  EXPECT_EQ(answered, 100);
}

TEST_F(CapiWaitTest, TheDescriptorSaysWhenThereIsSomethingToDo) {
  const Worker worker = this->worker();
  const int fd = ur_worker_fd(worker.get());
  ASSERT_GE(fd, 0);
  EXPECT_EQ(ur_worker_fd(worker.get()), fd);
  EXPECT_NE(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
  EXPECT_TRUE(is_readable(fd, kPatience)) << "for what came before";
  uint64_t ids[4];
  EXPECT_EQ(ur_worker_rung(worker.get(), ids, 4), 0);
  EXPECT_EQ(next_error(worker, 0), UR_EMPTY);
  EXPECT_FALSE(is_readable(fd, 0));

  Upload upload(&host());
  EXPECT_TRUE(is_readable(fd, kPatience));
  ur_worker_rung(worker.get(), ids, 4);
  const Taken taken = next(worker, 0);
  ur_slot slot;
  ur_reader* reader = ur_exchange_request(taken.get());
  while (ur_worker_rung(worker.get(), ids, 4) > 0) continue;
  EXPECT_EQ(ur_reader_next(reader, 0, &slot), UR_EMPTY);
  upload.send("x");
  EXPECT_TRUE(is_readable(fd, kPatience));
  ASSERT_EQ(ur_worker_rung(worker.get(), ids, 4), 1);
  EXPECT_EQ(ids[0], upload.id());
  EXPECT_FALSE(is_readable(fd, 0));
  ASSERT_EQ(ur_reader_next(reader, 0, &slot), 1);

  ur_writer* writer = ur_exchange_response(taken.get());
  ASSERT_DONE(ur_exchange_respond(taken.get(), 200, nullptr, 0));
  const std::string body(8 * 1024, 'x');
  EXPECT_EQ(ur_writer_write(writer, body.data(), body.size(), 0), 7 * 1024);
  EXPECT_EQ(ur_writer_write(writer, body.data(), body.size(), 0), UR_FULL);
  upload.answer();
  EXPECT_TRUE(is_readable(fd, kPatience));
  EXPECT_EQ(ur_worker_rung(worker.get(), ids, 4), 1);
  EXPECT_EQ(ur_writer_write(writer, body.data(), 1024, 0), 1024);

  upload.abort(Status::kClientGone);
  EXPECT_TRUE(is_readable(fd, kPatience));
  EXPECT_EQ(ur_worker_rung(worker.get(), ids, 4), 1);
  EXPECT_EQ(ur_exchange_status(taken.get()), UR_CLIENT_GONE);
}

TEST_F(CapiWaitTest, MoreThanFitsIsToldTheNextTime) {
  const Worker worker = this->worker();
  const int fd = ur_worker_fd(worker.get());
  std::vector<std::unique_ptr<Upload>> uploads;
  std::vector<Taken> taken;
  for (int i = 0; i < 3; i++) uploads.push_back(std::make_unique<Upload>(&host()));
  for (int i = 0; i < 3; i++) taken.push_back(next(worker));
  uint64_t ids[2];
  while (ur_worker_rung(worker.get(), ids, 2) > 0) continue;
  for (const auto& upload : uploads) upload->abort(Status::kClientGone);
  size_t told = 0;
  while (told < 3) {
    ASSERT_TRUE(is_readable(fd, kPatience));
    told += static_cast<size_t>(ur_worker_rung(worker.get(), ids, 1));
  }
  EXPECT_EQ(told, 3U);
  EXPECT_EQ(ur_worker_rung(worker.get(), nullptr, 1), UR_INVALID_ARGUMENT);
}

TEST_F(CapiWaitTest, ThreadsWaitBesideTheDescriptor) {
  const Worker worker = this->worker();
  Upload first(&host());
  const Taken taken = next(worker);
  std::thread reading([&] {
    std::string body;
    EXPECT_EQ(read_all(ur_exchange_request(taken.get()), &body), 0);
    EXPECT_EQ(body, "to a thread that sat before");
  });
  ASSERT_TRUE(eventually([&] { return server_.row(1).asleep.load() != 0; }));
  const int fd = ur_worker_fd(worker.get());
  ur_worker_rung(worker.get(), nullptr, 0);
  EXPECT_EQ(next_error(worker, 0), UR_EMPTY);
  Upload second(&host());
  EXPECT_TRUE(is_readable(fd, kPatience));
  first.send("to a thread that sat before");
  first.end();
  reading.join();
}

TEST_F(CapiWaitTest, AnExchangeWaitsForAnythingOfItsStream) {
  const Worker worker = this->worker();
  Upload upload(&host());
  const Taken taken = next(worker);
  ur_slot slot;
  while (ur_exchange_wait(taken.get(), 0) == UR_OK) continue;
  EXPECT_EQ(ur_reader_next(ur_exchange_request(taken.get()), 0, &slot), UR_EMPTY);
  std::thread sending([&] { upload.send("x"); });
  EXPECT_DONE(ur_exchange_wait(taken.get(), kPatience));
  sending.join();
  EXPECT_EQ(ur_reader_next(ur_exchange_request(taken.get()), 0, &slot), 1);
  EXPECT_EQ(ur_exchange_wait(taken.get(), 1), UR_EMPTY);
}

ur_worker* interrupted = nullptr;

TEST_F(CapiWaitTest, ASignalHandlerStopsWhoWaits) {
  const Worker worker = this->worker();
  interrupted = worker.get();
  const auto before = std::signal(SIGUSR1, [](int) { ur_worker_stop(interrupted); });
  std::thread waiting([&] { EXPECT_EQ(next_error(worker, -1), UR_SHUTTING_DOWN); });
  ASSERT_TRUE(eventually([&] { return server_.row(1).asleep.load() != 0; }));
  raise(SIGUSR1);
  waiting.join();
  EXPECT_EQ(next_error(worker, 0), UR_SHUTTING_DOWN);
  EXPECT_EQ(ur_worker_attach(worker.get(), -1), UR_SHUTTING_DOWN);
  std::signal(SIGUSR1, before);
}

TEST_F(CapiWaitTest, WhatIsOpenGoesOnAfterAStop) {
  const Worker worker = this->worker();
  Upload upload(&host());
  const Taken taken = next(worker);
  const int fd = ur_worker_fd(worker.get());
  ur_worker_stop(worker.get());
  EXPECT_TRUE(is_readable(fd, 0));
  EXPECT_EQ(next_error(worker, -1), UR_SHUTTING_DOWN);
  upload.send("late");
  upload.end();
  std::string body;
  EXPECT_EQ(read_all(ur_exchange_request(taken.get()), &body), 0);
  EXPECT_EQ(body, "late");
  ASSERT_DONE(ur_exchange_respond(taken.get(), 200, nullptr, 0));
  ASSERT_DONE(ur_writer_end(ur_exchange_response(taken.get()), 0));
}

TEST_F(CapiWaitTest, ManyOneAfterTheOtherKeepTheirHeartbeat) {
  const Worker worker = this->worker();
  const uint64_t before = server_.row(1).heartbeat_ns.load();
  EXPECT_TRUE(eventually([&] { return server_.row(1).heartbeat_ns.load() > before; }));
}

}  // namespace
}  // namespace ur::test
