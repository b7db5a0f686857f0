#include "control/arbiter.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <csignal>
#include <fstream>
#include <memory>

#include "core/clock.h"
#include "test/support/control.h"

namespace ur::test {
namespace {

using Kind = ArbiterEvent::Kind;

class ArbiterTest : public ::testing::Test {
 protected:
  Status attach(Session& session, uint32_t role = kRoleResponder,
                const std::string& observer = "") {
    SessionOptions options = session_options(server_.socket(), role);
    options.observer = observer;
    return session.attach(options, &detail_);
  }

  Server server_;
  std::string detail_;
};

TEST_F(ArbiterTest, AWorkerGetsARowAndIsGone) {
  Session session;
  ASSERT_OK(attach(session, kRoleResponder | kRoleObserver, "log")) << detail_;
  const ArbiterEvent came = server_.next(Kind::kAttached);
  EXPECT_EQ(came.worker, 1U);
  EXPECT_EQ(came.pid, static_cast<uint32_t>(getpid()));
  EXPECT_EQ(came.name, "test worker");
  EXPECT_EQ(session.segment()->self(), 1U);
  EXPECT_TRUE(session.connected());
  const WorkerRow& row = server_.row(1);
  EXPECT_EQ(row.owner.load() & 0xFF, static_cast<uint64_t>(WorkerState::kAttached));
  EXPECT_EQ(row.role.load(), static_cast<uint32_t>(kRoleResponder | kRoleObserver));
  EXPECT_EQ(row.observer.load(), 1U);
  EXPECT_EQ(row.capacity.load(), 3U);
  EXPECT_STREQ(row.name, "test worker");
  const uint64_t generation = row.owner.load() >> 8;

  const uint64_t id = server_.host().open();
  [[maybe_unused]] const LaneReader reader = join(session.segment(), id, kRequestLane);
  session.close();
  EXPECT_FALSE(session.connected());
  const ArbiterEvent went = server_.next(Kind::kDead);
  EXPECT_EQ(went.worker, 1U);
  EXPECT_EQ(went.recovery.readers, 1U);
  EXPECT_EQ(row.owner.load(), (generation + 1) << 8);
  ASSERT_OK(attach(session));
  EXPECT_EQ(session.segment()->self(), 1U) << "the row is used again";
}

TEST_F(ArbiterTest, AMonitorHasNoRowAndNoSay) {
  Session session;
  ASSERT_OK(attach(session, kRoleMonitor)) << detail_;
  EXPECT_EQ(session.segment()->self(), kNoIndex);
  EXPECT_EQ(session.segment()->access(), Segment::Access::kMonitor);
  EXPECT_TRUE(server_.is_row_free(1));
  session.close();
  Session worker;
  ASSERT_OK(attach(worker));
  EXPECT_EQ(server_.next(Kind::kAttached).worker, 1U);
}

TEST_F(ArbiterTest, SaysWhyItRefuses) {
  Session session;
  EXPECT_EQ(attach(session, kRoleObserver, "nobody"), Status::kUnknownObserver);
  EXPECT_NE(detail_.find("nobody"), std::string::npos);
  EXPECT_EQ(server_.next(Kind::kRefused).status, Status::kUnknownObserver);
  EXPECT_EQ(attach(session, 0), Status::kInvalidHandshake);
  EXPECT_EQ(attach(session, kRoleIngress), Status::kPermissionDenied) << "it serves alone";
  Session workers[7];
  for (Session& worker : workers) ASSERT_OK(attach(worker)) << detail_;
  EXPECT_EQ(attach(session), Status::kNoFreeWorker);
  EXPECT_EQ(session.segment(), nullptr);
  workers[3].close();
  server_.next(Kind::kDead);
  EXPECT_OK(attach(session));
  EXPECT_EQ(session.segment()->self(), 4U);
}

TEST_F(ArbiterTest, AnotherAbiIsRefusedByNumber) {
  RawClient client(server_.socket());
  Hello hello = good_hello();
  hello.abi_major = kAbiMajor + 1;
  client.say(hello);
  const Welcome welcome = client.hear();
  EXPECT_EQ(welcome.magic, kControlMagic);
  EXPECT_EQ(welcome.status, static_cast<int32_t>(Status::kAbiMismatch));
  EXPECT_EQ(welcome.abi_major, kAbiMajor);
  EXPECT_NE(std::string(welcome.text).find("ABI 2"), std::string::npos) << welcome.text;
}

TEST_F(ArbiterTest, StrangersAreSentAwayAndDisturbNobody) {
  RawClient garbage(server_.socket());
  garbage.say("GET / HTTP/1.1\r\n", 16);
  EXPECT_EQ(garbage.hear().status, static_cast<int32_t>(Status::kInvalidHandshake));
  EXPECT_TRUE(eventually([&] { return garbage.is_hung_up(); }));
  RawClient half(server_.socket());
  half.say(&kControlMagic, 8);
  half.hang_up();
  RawClient nothing(server_.socket());
  nothing.hang_up();
  RawClient slow(server_.socket());
  const Hello hello = good_hello();
  for (size_t at = 0; at < sizeof hello; at += 32) {
    slow.say(reinterpret_cast<const char*>(&hello) + at, 32);
    sched_yield();
  }
  EXPECT_EQ(slow.hear().status, 0);
  slow.say("what comes after the hello is ignored", 37);
  Session session;
  EXPECT_OK(attach(session));
  EXPECT_FALSE(slow.is_hung_up());
}

TEST_F(ArbiterTest, WhoSaysNothingIsSentAwayAfterTwoSeconds) {
  const uint64_t began = monotonic_ns();
  RawClient silent(server_.socket());
  RawClient half(server_.socket());
  half.say(&kControlMagic, 8);
  EXPECT_EQ(silent.hear().status, static_cast<int32_t>(Status::kTimedOut));
  EXPECT_EQ(half.hear().status, static_cast<int32_t>(Status::kTimedOut));
  EXPECT_GE(monotonic_ns() - began, 2 * kSecond);
}

TEST_F(ArbiterTest, WhoKeepsTheMappingIsNotDead) {
  RawClient client(server_.socket());
  client.say(good_hello());
  MemoryFile file;
  ASSERT_EQ(client.hear(&file).status, 0);
  std::unique_ptr<Segment> segment;
  ASSERT_OK(Segment::attach(std::move(file), Segment::Access::kWorker, &segment, &detail_));
  segment->set_self(1);
  const uint64_t id = server_.host().open();
  [[maybe_unused]] const LaneReader reader = join(segment.get(), id, kRequestLane);
  client.hang_up();
  EXPECT_FALSE(eventually([&] { return server_.is_row_free(1); }, kSecond / 5));
  Session other;
  ASSERT_OK(attach(other));
  EXPECT_EQ(other.segment()->self(), 2U) << "its row is its own";
  segment.reset();
  EXPECT_EQ(server_.next(Kind::kDead).recovery.readers, 1U);
}

// A child may keep the socket; the free lock alone says that the worker is gone.
TEST_F(ArbiterTest, AFreeLockIsADeathEvenIfTheSocketStays) {
  RawClient client(server_.socket());
  client.say(good_hello());
  MemoryFile file;
  ASSERT_EQ(client.hear(&file).status, 0);
  EXPECT_FALSE(server_.is_row_free(1));
  file.close();
  EXPECT_EQ(server_.next(Kind::kDead).worker, 1U);
  EXPECT_TRUE(eventually([&] { return client.is_hung_up(); }));
}

// Workers can write every row; who has which one is the server's own knowledge.
TEST_F(ArbiterTest, ForgedRowsGiveNobodyAnothersRow) {
  Session first;
  ASSERT_OK(attach(first));
  server_.row(1).owner.store(static_cast<uint64_t>(WorkerState::kFree));
  for (uint32_t w = 2; w < 8; w++) {
    server_.row(w).owner.store(static_cast<uint64_t>(WorkerState::kAttached));
  }
  Session second;
  ASSERT_OK(attach(second)) << detail_;
  EXPECT_EQ(second.segment()->self(), 2U);
}

TEST_F(ArbiterTest, TheEndOfTheServerIsSeen) {
  Session worker;
  Session monitor;
  ASSERT_OK(attach(worker));
  ASSERT_OK(attach(monitor, kRoleMonitor));
  const std::string socket = server_.socket();
  server_.arbiter().stop();
  server_.arbiter().stop();
  EXPECT_FALSE(worker.connected());
  EXPECT_FALSE(monitor.connected());
  EXPECT_EQ(worker.segment()->header().state.load(), static_cast<uint32_t>(SegmentState::kDead));
  EXPECT_EQ(attach(worker), Status::kServerGone);
  EXPECT_FALSE(std::filesystem::exists(socket));
}

TEST_F(ArbiterTest, KillsByPidfd) {
  EXPECT_EQ(server_.arbiter().kill(1), Status::kInvalidArgument) << "nobody there";
  EXPECT_EQ(server_.arbiter().kill(kNoIndex), Status::kInvalidArgument);
  RawClient stranger(server_.socket());
  EXPECT_EQ(server_.arbiter().kill(kNoIndex), Status::kInvalidArgument) << "nor a stranger";
}

TEST_F(ArbiterTest, LosesNoDescriptor) {
  const auto round = [this] {
    Session session;
    ASSERT_OK(attach(session));
    server_.next(Kind::kAttached);
    session.close();
    server_.next(Kind::kDead);
    ASSERT_OK(attach(session, kRoleMonitor));
    EXPECT_NE(attach(session, 0), Status::kOk);
    server_.next(Kind::kRefused);
    RawClient half(server_.socket());
    half.say(&kControlMagic, 8);
  };
  round();
  Session settled;
  ASSERT_OK(attach(settled));
  const size_t before = open_descriptors();
  for (int i = 0; i < 20; i++) round();
  EXPECT_TRUE(eventually([&] { return open_descriptors() <= before; })) << open_descriptors();
}

TEST_F(ArbiterTest, ManyStrangersCostNoProcessorTime) {
  std::vector<std::unique_ptr<RawClient>> strangers;
  for (int i = 0; i < 300; i++) {
    strangers.push_back(std::make_unique<RawClient>(server_.socket()));
  }
  const auto used_ns = [] {
    rusage usage = {};
    getrusage(RUSAGE_SELF, &usage);
    return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1'000'000'000LL +
           (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000LL;
  };
  const int64_t before = used_ns();
  timespec moment = {0, 500'000'000};
  nanosleep(&moment, nullptr);
  EXPECT_LT(used_ns() - before, 250'000'000) << "the arbiter spins";
  Session session;
  EXPECT_EQ(attach(session), Status::kServerGone) << "there is no room";
  strangers.clear();
  EXPECT_TRUE(eventually([&] { return attach(session) == Status::kOk; }));
}

}  // namespace
}  // namespace ur::test
