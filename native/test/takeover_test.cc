// The arbiter goes: another ingress process takes its place, workers and monitors go on.
#include <thread>

#include "control/membership.h"
#include "test/support/members.h"

namespace ur::test {
namespace {

using TakeoverTest = Members;

TEST_F(TakeoverTest, WorkersAndMonitorsGoOnWhenTheArbiterEnds) {
  auto first = std::make_unique<Membership>();
  create(*first);
  Membership second;
  join(second);
  Session worker, monitor;
  ASSERT_OK(attach(worker));
  ASSERT_OK(attach(monitor, kRoleMonitor));
  const uint64_t owner = worker.segment()->worker(2).owner.load();
  Ingress ingress(second.segment());
  const uint64_t id = open(second, ingress);
  LaneReader reader = ur::test::join(worker.segment(), id, kRequestLane);
  LaneWriter answer = claim(worker.segment(), id);
  first.reset();
  ASSERT_TRUE(keep({&second}, [&] { return second.is_arbiter(); }));
  EXPECT_EQ(second.segment()->header().arbiter.load(), 1U);
  for (Session* session : {&worker, &monitor}) {
    EXPECT_TRUE(eventually([&] {
      EXPECT_TRUE(session->connected());
      return session->has_connection();
    }));
  }
  EXPECT_FALSE(worker.resuming());
  EXPECT_EQ(next(second, ArbiterEvent::Kind::kResumed).worker, 2U);
  EXPECT_EQ(worker.segment()->worker(2).owner.load(), owner);
  EXPECT_EQ(worker.segment()->worker(0).owner.load() & 0xFF, 0U) << "the first one's row is free";
  LaneWriter writer;
  ASSERT_OK(writer.open(second.segment(), lane_of(*second.segment(), id, kRequestLane), 0));
  write_slots(writer, 2);
  EXPECT_EQ(tail_count(reader), 2U);
  EXPECT_OK(reader.ack(2));
  write_slots(answer, 1);
  Session late;
  EXPECT_OK(attach(late)) << "the new arbiter lets others in";
  EXPECT_EQ(late.segment()->self(), 0U);
}

TEST_F(TakeoverTest, AKilledArbiterIsRepairedByTheNext) {
  const pid_t first = start(kCreates, 2);
  Membership second;
  join(second);
  const pid_t worker = zygote_.start(
      [](const WorkerArgs& args) {
        Session session;
        std::string detail;
        if (session.attach(session_options(args.socket), &detail) != Status::kOk) return 1;
        wait_for_streams(*session.segment(), kRoleResponder, true);
        while (session.connected()) {
          const timespec moment = {0, 1'000'000};
          nanosleep(&moment, nullptr);
        }
        return 0;
      },
      worker_args(socket().c_str()));
  Segment& segment = *second.segment();
  ASSERT_TRUE(eventually([&] { return segment.header().responders_waiting.load() != 0; }));
  ASSERT_TRUE(eventually([&] { return free_places(segment) == 2; }));
  end(first);
  end(worker);  // nobody is there to notice it
  ASSERT_TRUE(keep({&second}, [&] { return second.is_arbiter(); }));
  EXPECT_EQ(segment.header().responders_waiting.load(), 0U);
  std::set<uint32_t> dead;
  Ingress ingress(&segment);
  for (const ArbiterEvent& event : second.take_events()) {
    if (event.kind == ArbiterEvent::Kind::kDead) dead.insert(event.worker);
    for (uint64_t id : event.recovery.streams) EXPECT_OK(ingress.reclaim(id));
  }
  EXPECT_EQ(dead, (std::set<uint32_t>{0, 2}));
  EXPECT_EQ(free_places(segment), 4U);
}

TEST_F(TakeoverTest, WhoDoesNotResumeIsStillKnownToLive) {
  const pid_t first = start(kCreates);
  Membership second;
  join(second);
  RawClient client(socket());
  client.say(good_hello());
  MemoryFile file;
  ASSERT_EQ(client.hear(&file).status, 0);
  std::unique_ptr<Segment> old;
  ASSERT_OK(Segment::attach(std::move(file), Segment::Access::kWorker, &old, &detail_));
  old->set_self(2);
  Ingress ingress(second.segment());
  const uint64_t id = open(second, ingress);
  [[maybe_unused]] const LaneReader reader = ur::test::join(old.get(), id, kRequestLane);
  end(first);
  ASSERT_TRUE(keep({&second}, [&] { return second.is_arbiter(); }));
  ASSERT_OK(ingress.close(id));
  EXPECT_EQ(ingress.reclaim(id), Status::kFull);
  EXPECT_FALSE(eventually([&] { return ingress.reclaim(id) == Status::kOk; }, 300'000'000));
  old.reset();
  EXPECT_EQ(next(second, ArbiterEvent::Kind::kDead).worker, 0U);
  EXPECT_EQ(next(second, ArbiterEvent::Kind::kDead).worker, 2U);
  EXPECT_OK(ingress.reclaim(id));
}

TEST_F(TakeoverTest, OneOfManyTakesOver) {
  auto first = std::make_unique<Membership>();
  create(*first);
  Membership members[3];
  for (Membership& one : members) join(one);
  first.reset();
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (Membership& one : members) {
    threads.emplace_back([&] {
      while (!stop && one.connected()) std::this_thread::yield();
    });
  }
  EXPECT_TRUE(eventually([&] {
    int arbiters = 0;
    int back = 0;
    for (Membership& one : members) {
      arbiters += one.is_arbiter() ? 1 : 0;
      back += !one.is_arbiter() && !one.lost() && !one.resuming() ? 1 : 0;
    }
    EXPECT_LE(arbiters, 1);
    return arbiters == 1 && back == 2;
  }));
  stop = true;
  for (std::thread& thread : threads) thread.join();
}

TEST_F(TakeoverTest, AnOrderlyEndOfAllIsSeenAtOnce) {
  auto first = std::make_unique<Membership>();
  create(*first);
  auto second = std::make_unique<Membership>();
  join(*second);
  Session worker;
  ASSERT_OK(attach(worker));
  second.reset();
  EXPECT_TRUE(worker.connected());
  first.reset();
  EXPECT_FALSE(worker.connected());
  EXPECT_FALSE(worker.resuming());
}

TEST_F(TakeoverTest, TheGraceTimeEnds) {
  const pid_t first = start(kCreates);
  Session worker;
  ASSERT_TRUE(eventually([&] { return attach(worker) == Status::kOk; }));
  end(first);
  const uint64_t began = monotonic_ns();
  EXPECT_TRUE(worker.connected());
  EXPECT_TRUE(worker.resuming());
  EXPECT_TRUE(eventually([&] { return !worker.connected(); }));
  EXPECT_GE(monotonic_ns() - began, kResumeGraceNs);
  EXPECT_FALSE(worker.resuming());
}

TEST_F(TakeoverTest, AnotherSegmentIsNoContinuation) {
  const pid_t first = start(kCreates);
  Session worker;
  ASSERT_TRUE(eventually([&] { return attach(worker) == Status::kOk; }));
  end(first);
  Membership next;
  create(next);
  EXPECT_TRUE(eventually([&] { return !worker.connected(); }, kResumeGraceNs / 2));
}

// The arbiter and its successors are killed again and again under processes that open and close.
TEST_F(TakeoverTest, NothingIsLostHoweverOftenTheArbiterChanges) {
  const uint64_t seed = test_seed();
  std::mt19937_64 random(seed);
  pid_t processes[4] = {start(kCreates)};
  Membership witness;
  join(witness);
  Session worker;
  ASSERT_OK(attach(worker));
  WorkerArgs args = worker_args(socket().c_str());
  args.mode = kChurns;
  const auto begin = [&](pid_t& process) {
    args.seed = random();
    process = zygote_.start(ingress_process, args);
  };
  for (int i = 1; i < 4; i++) begin(processes[i]);
  std::atomic<bool> stop{false};
  std::thread keeper([&] {
    Ingress ingress(witness.segment());
    std::set<uint64_t> inherited;
    while (!stop || !inherited.empty()) {
      EXPECT_TRUE(witness.connected());
      EXPECT_TRUE(worker.connected());
      for (const ArbiterEvent& event : witness.take_events()) {
        inherited.insert(event.recovery.streams.begin(), event.recovery.streams.end());
      }
      std::erase_if(inherited, [&](uint64_t id) { return ingress.reclaim(id) != Status::kFull; });
      std::this_thread::yield();
    }
  });
  const uint64_t until = monotonic_ns() + static_cast<uint64_t>(test_seconds(4) * 1e9);
  uint64_t kills = 0;
  while (monotonic_ns() < until) {
    pid_t& victim = processes[random() % 4];
    timespec moment = {0, static_cast<long>(random() % 30'000'000)};
    nanosleep(&moment, nullptr);
    kill(victim, SIGKILL);
    const int status = zygote_.reap(victim);
    EXPECT_TRUE(WIFSIGNALED(status)) << "it saw something wrong: " << WEXITSTATUS(status);
    begin(victim);
    kills++;
  }
  for (pid_t process : processes) end(process);
  std::printf("%llu kills\n", static_cast<unsigned long long>(kills));
  EXPECT_TRUE(eventually([&] { return witness.is_arbiter() && free_places(*witness.segment()) == 4; }));
  stop = true;
  keeper.join();
  EXPECT_TRUE(worker.connected());
}

}  // namespace
}  // namespace ur::test
