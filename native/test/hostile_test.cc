// A worker that scribbles over every word that it can write, while the server works on: nothing may
// crash, hang, or read outside the segment, whatever the results are.
#include <csignal>
#include <cstring>
#include <random>

#include "core/clock.h"
#include "core/doorbell.h"
#include "core/recovery.h"
#include "test/support/control.h"
#include "test/support/redzones.h"
#include "test/support/server_side.h"
#include "test/support/zygote.h"

namespace ur::test {
namespace {

SegmentConfig config() {
  SegmentConfig config = small_config();
  config.pools[0].slot_size = 1025;  // a gap behind every slot
  PoolConfig second = config.pools[0];
  second.name = "second";
  second.request_slots = 3;
  second.response_slots = 5;
  second.stages.clear();
  config.pools.push_back(second);
  return config;
}

// Values that hurt: random ones, all bits, small ones, neighbours, one bit flipped.
uint64_t evil(std::mt19937_64* random, const AtomicU64& word) {
  switch ((*random)() % 8) {
    case 0:
      return (*random)();
    case 1:
      return ~0ULL;
    case 2:
      return (*random)() % 512;
    case 3:
      return word.load() + (*random)() % 64;
    case 4:
      return word.load() - 1;
    case 5:
      return word.load() ^ 1ULL << (*random)() % 64;
    case 6:
      return 1ULL << (*random)() % 64;
    default:
      return (*random)() << 32;
  }
}

int scribble(const WorkerArgs& args) {
  Session session;
  std::string detail;
  if (session.attach(session_options(args.socket), &detail) != Status::kOk) return 1;
  Segment& segment = *session.segment();
  const Geometry& geometry = segment.geometry();
  std::mt19937_64 random(args.seed);
  for (;;) {
    // Mostly control words; request data is all that a worker has no way to write.
    uint64_t offset = random() % geometry.control_size;
    if (random() % 16 == 0) {
      offset = geometry.request_data_end +
               random() % (geometry.total_size - geometry.request_data_end);
    }
    auto* word = reinterpret_cast<AtomicU64*>(segment.base() + offset / 8 * 8);
    word->store(evil(&random, *word), std::memory_order_relaxed);
  }
}

TEST(HostileTest, TheServerWorksOnWhateverIsWritten) {
  Zygote zygote;
  const uint64_t seed = test_seed();
  std::mt19937_64 random(seed);
  const uint64_t end = monotonic_ns() + static_cast<uint64_t>(test_seconds(3) * 1e9);
  uint64_t operations = 0;
  uint64_t slowest_ns = 0;
  while (monotonic_ns() < end) {
    Server server(config());
    const Redzones redzones(*server.segment());
    ServerSide side(server.segment());
    const pid_t worker = zygote.start(scribble, worker_args(server.socket().c_str(), random()));
    server.next(ArbiterEvent::Kind::kAttached);
    const uint64_t round_end = monotonic_ns() + kSecond / 10;
    while (monotonic_ns() < round_end) {
      for (int i = 0; i < 100; i++) {
        const uint64_t began = monotonic_ns();
        side.act(static_cast<uint32_t>(random()), static_cast<uint32_t>(random()));
        slowest_ns = std::max(slowest_ns, monotonic_ns() - began);
        operations++;
      }
      ASSERT_FALSE(side.saw_wrong_view());
    }
    kill(worker, SIGKILL);
    EXPECT_TRUE(WIFSIGNALED(zygote.reap(worker)));
    server.next(ArbiterEvent::Kind::kDead);
  }
  std::printf("%llu operations, the slowest took %llu us\n",
              static_cast<unsigned long long>(operations),
              static_cast<unsigned long long>(slowest_ns / 1000));
  EXPECT_LT(slowest_ns, kWatchdog) << "that is a hang";
}

// The same between the arbiter and a session that attaches while it happens.
TEST(HostileTest, OthersAttachOrAreToldThatTheyCannot) {
  Zygote zygote;
  Server server(config());
  const pid_t worker = zygote.start(scribble, worker_args(server.socket().c_str(), test_seed()));
  server.next(ArbiterEvent::Kind::kAttached);
  uint32_t attached = 0;
  for (int i = 0; i < 200; i++) {
    Session session;
    std::string detail;
    SessionOptions options = session_options(server.socket(), i % 2 == 0 ? kRoleResponder
                                                                         : kRoleMonitor);
    const Status status = session.attach(options, &detail);
    if (status == Status::kOk) attached++;
    EXPECT_TRUE(status == Status::kOk || !detail.empty());
  }
  std::printf("%u of 200 attached\n", attached);
  kill(worker, SIGKILL);
  zygote.reap(worker);
}

}  // namespace
}  // namespace ur::test
