// Several ingress processes on one segment: who is let in, whose the places are, what becomes of the
// streams of one that dies.
#include "control/membership.h"

#include <thread>

#include "test/support/members.h"

namespace ur::test {
namespace {

using MembershipTest = Members;

TEST_F(MembershipTest, ASegmentOfOneProcessTakesNoOther) {
  Membership first;
  ASSERT_OK(first.create(small_config(), socket(), "first", &detail_));
  Membership second;
  EXPECT_EQ(second.join(member(), &detail_), Status::kPermissionDenied);
  EXPECT_EQ(second.create(shared_config(), socket(), "second", &detail_), Status::kSocketInUse);
  Session worker;
  ASSERT_OK(attach(worker));
  first.close();
  EXPECT_FALSE(worker.connected()) << "at once: nobody can come";
}

TEST_F(MembershipTest, NobodyToJoinIsSaid) {
  Membership alone;
  SessionOptions impatient = member();
  impatient.timeout_ms = 200;
  EXPECT_EQ(alone.join(impatient, &detail_), Status::kServerGone);
  EXPECT_EQ(alone.segment(), nullptr);
  EXPECT_FALSE(alone.is_arbiter());
}

TEST_F(MembershipTest, ElasticMemoryIsForOneProcess) {
  SegmentConfig config = shared_config();
  config.elastic = true;
  Membership first;
  EXPECT_EQ(first.create(config, socket(), "first", &detail_), Status::kInvalidGeometry);
  EXPECT_NE(detail_.find("elastic"), std::string::npos) << detail_;
}

TEST_F(MembershipTest, EachServesStreamsOfItsOwn) {
  Membership first, second;
  create(first);
  join(second);
  EXPECT_TRUE(first.is_arbiter());
  EXPECT_FALSE(second.is_arbiter());
  EXPECT_EQ(second.segment()->self(), 1U);
  EXPECT_EQ(second.segment()->header().arbiter.load(), 0U);
  Ingress one(first.segment()), two(second.segment());
  std::set<uint32_t> places;
  for (int i = 0; i < 2; i++) {
    places.insert(stream_index(open(first, one)));
    places.insert(stream_index(open(second, two)));
  }
  EXPECT_EQ(places.size(), 4U);
  uint64_t id = 0;
  EXPECT_EQ(two.open(0, "test", &id), Status::kNoFreeStream);
  EXPECT_EQ(one.open(0, "test", &id), Status::kNoFreeStream);
}

TEST_F(MembershipTest, FindsPlacesThatOthersGaveBack) {
  Membership first, second;
  create(first);
  join(second);
  Ingress one(first.segment()), two(second.segment());
  for (int round = 0; round < 5; round++) {
    std::vector<uint64_t> ids;
    for (int i = 0; i < 4; i++) ids.push_back(open(first, one));
    uint64_t id = 0;
    EXPECT_EQ(two.open(0, "test", &id), Status::kNoFreeStream);
    for (uint64_t each : ids) {
      ASSERT_OK(one.close(each));
      ASSERT_OK(one.reclaim(each));
    }
    ids.clear();
    for (int i = 0; i < 4; i++) ids.push_back(open(second, two));
    for (uint64_t each : ids) {
      ASSERT_OK(two.close(each));
      ASSERT_OK(two.reclaim(each));
    }
  }
}

TEST_F(MembershipTest, PlacesAreTakenOnceWhoeverComes) {
  Membership first;
  create(first);
  constexpr uint32_t kMembers = 4;
  Membership members[kMembers];
  for (Membership& one : members) join(one);
  std::atomic<int> holders[4] = {};
  std::atomic<uint64_t> opened{0};
  std::vector<std::thread> threads;
  for (Membership& one : members) {
    threads.emplace_back([&] {
      Ingress ingress(one.segment());
      for (int i = 0; i < 20'000; i++) {
        uint64_t id = 0;
        if (ingress.open(0, "test", &id) != Status::kOk) continue;
        EXPECT_EQ(holders[stream_index(id)].fetch_add(1), 0) << "two have it";
        opened++;
        holders[stream_index(id)].fetch_sub(1);
        EXPECT_OK(ingress.close(id));
        EXPECT_OK(ingress.reclaim(id));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(first.segment()->header().serial.load(), opened.load());
  EXPECT_EQ(free_places(*first.segment()), 4U);
}

TEST_F(MembershipTest, AKilledProcessEndsItsStreamsAndNoOthers) {
  Membership first;
  create(first);
  Session worker;
  ASSERT_OK(attach(worker));
  const pid_t other = start(kJoins, 2);
  Ingress ingress(first.segment());
  ASSERT_TRUE(eventually([&] { return free_places(*first.segment()) == 2; }));
  ASSERT_TRUE(eventually([&] { return list_streams(*worker.segment(), true).size() == 2; }));
  const std::vector<uint64_t> ids = list_streams(*worker.segment(), true);
  const uint64_t mine = open(first, ingress);
  LaneWriter answer = claim(worker.segment(), ids[0]);
  LaneReader reader = ur::test::join(worker.segment(), ids[0], kRequestLane);
  ASSERT_EQ(tail_count(reader), 3U);
  ASSERT_OK(reader.pin(2));
  forget_rings(*worker.segment(), 1);
  end(other);
  const ArbiterEvent dead = next(first, ArbiterEvent::Kind::kDead);
  EXPECT_TRUE(dead.ingress);
  EXPECT_EQ(dead.recovery.streams.size(), 2U);
  const LaneRef lane = lane_of(*worker.segment(), ids[0], kRequestLane);
  EXPECT_EQ(stream_status(lane), Status::kIngressDied);
  EXPECT_TRUE(take_ring(*worker.segment(), 1, lane.stream)) << "it is told";
  EXPECT_EQ(lane.row->ingress.load(), 0U) << "inherited";
  for (uint64_t id : dead.recovery.streams) {
    EXPECT_EQ(ingress.reclaim(id), id == ids[0] ? Status::kFull : Status::kOk);
  }
  ASSERT_OK(reader.verify(2)) << "what is held stays";
  reader.unpin(2);
  reader.leave();
  ASSERT_OK(answer.release());
  EXPECT_TRUE(take_ring(*first.segment(), 0, lane.stream)) << "the heir is rung";
  EXPECT_OK(ingress.reclaim(ids[0]));
  EXPECT_EQ(stream_status(lane_of(*first.segment(), mine, kRequestLane)), Status::kOk);
  EXPECT_EQ(free_places(*first.segment()), 3U);
}

TEST_F(MembershipTest, OnlyWhoHasTheRowGoesOnWithIt) {
  Membership first;
  create(first);
  Session worker;
  ASSERT_OK(attach(worker));
  const SegmentHeader& header = first.segment()->header();
  const auto ask = [&](auto change) {
    Hello hello = good_hello();
    std::memcpy(hello.boot_uuid, header.boot_uuid, sizeof hello.boot_uuid);
    hello.worker = 1;
    hello.generation = first.segment()->worker(1).owner.load() >> 8;
    change(hello);
    RawClient client(socket());
    client.say(hello);
    MemoryFile file;
    const Welcome welcome = client.hear(&file);
    EXPECT_EQ(file.fd(), -1);
    return static_cast<Status>(welcome.status);
  };
  EXPECT_EQ(ask([](Hello&) {}), Status::kResumeRefused) << "its connection stands";
  EXPECT_EQ(ask([](Hello& hello) { hello.worker = 5; }), Status::kResumeRefused);
  EXPECT_EQ(ask([](Hello& hello) { hello.worker = 0; }), Status::kResumeRefused) << "the arbiter's";
  EXPECT_EQ(ask([](Hello& hello) { hello.worker = kNoIndex; }), Status::kResumeRefused);
  EXPECT_EQ(ask([](Hello& hello) { hello.generation++; }), Status::kResumeRefused);
  EXPECT_EQ(ask([](Hello& hello) { hello.boot_uuid[0]++; }), Status::kResumeRefused);
  EXPECT_TRUE(worker.connected());
}

TEST_F(MembershipTest, TheArbiterKillsForTheOthers) {
  Membership first, second;
  create(first);
  join(second);
  const pid_t victim = start(kJoins);
  ASSERT_TRUE(eventually([&] {
    return (first.segment()->worker(2).owner.load() & 0xFF) ==
           static_cast<uint64_t>(WorkerState::kAttached);
  }));
  ASSERT_OK(second.kill(2));
  EXPECT_EQ(next(first, ArbiterEvent::Kind::kDead).worker, 2U);
  EXPECT_EQ(WTERMSIG(zygote_.reap(victim)), SIGKILL);
}

}  // namespace
}  // namespace ur::test
