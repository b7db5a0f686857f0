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
#include "test/support/sane_copy.h"
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

// Where the scribbler writes in this round: [begin, end) of the segment, by WorkerArgs::mode.
std::pair<uint64_t, uint64_t> target(const Geometry& g, uint32_t mode) {
  const PoolGeometry& pool = g.pools[mode / 7 % 2];
  switch (mode % 7) {
    case 0:
      return {pool.lane_offset, pool.slot_header_offset};
    case 1:
      return {pool.slot_header_offset,
              pool.slot_header_offset + pool.config.streams * pool.slot_header_stride};
    case 2:
      return {g.stream_table_offset, g.pools[0].lane_offset};
    case 3:
      return {g.worker_table_offset, g.stream_table_offset};
    case 4:
      return {g.request_data_end, g.total_size};
    case 5:
      return {0, g.worker_table_offset};
    default:
      return {0, g.control_size};
  }
}

int scribble(const WorkerArgs& args) {
  Session session;
  std::string detail;
  if (session.attach(session_options(args.socket), &detail) != Status::kOk) return 1;
  Segment& segment = *session.segment();
  const auto [begin, end] = target(segment.geometry(), args.mode);
  std::mt19937_64 random(args.seed);
  for (;;) {
    auto* words = reinterpret_cast<AtomicU64*>(segment.base() + begin);
    AtomicU64& word = words[random() % ((end - begin) / 8)];
    word.store(evil(&random, word), std::memory_order_relaxed);
    // Not so fast that every word is wrong before anything is done with it.
    for (uint64_t i = random() % args.pause; i > 0; i--) {
      std::atomic_signal_fence(std::memory_order_seq_cst);
    }
  }
}

TEST(HostileTest, TheServerWorksOnWhateverIsWritten) {
  Zygote zygote;
  const uint64_t seed = test_seed();
  std::mt19937_64 random(seed);
  const uint64_t end = monotonic_ns() + static_cast<uint64_t>(test_seconds(3) * 1e9);
  uint64_t operations = 0;
  uint64_t slots = 0;
  uint64_t slowest_ns = 0;
  for (uint32_t mode = 0; mode < 14 || monotonic_ns() < end; mode++) {
    Server server(config());
    WorkerArgs args = worker_args(server.socket().c_str(), random());
    args.mode = mode;
    const pid_t worker = zygote.start(scribble, args);
    server.next(ArbiterEvent::Kind::kAttached);
    const SaneCopy sane(*server.segment());
    const uint64_t round_end = monotonic_ns() + kSecond / 10;
    while (monotonic_ns() < round_end) {
      // Put right again and again: where every word is wrong, nothing goes far.
      sane.put_back();
      const Redzones redzones(*server.segment());
      ServerSide side(server.segment());
      for (int i = 0; i < 300; i++) {
        const uint64_t began = monotonic_ns();
        side.act(static_cast<uint32_t>(random()), static_cast<uint32_t>(random()));
        slowest_ns = std::max(slowest_ns, monotonic_ns() - began);
        operations++;
      }
      ASSERT_FALSE(side.saw_wrong_view());
      slots += side.slots();
    }
    kill(worker, SIGKILL);
    EXPECT_TRUE(WIFSIGNALED(zygote.reap(worker)));
    server.next(ArbiterEvent::Kind::kDead);
  }
  std::printf("%llu operations, %llu slots went through, the slowest took %llu us\n",
              static_cast<unsigned long long>(operations), static_cast<unsigned long long>(slots),
              static_cast<unsigned long long>(slowest_ns / 1000));
  EXPECT_LT(slowest_ns, kWatchdog) << "that is a hang";
}

// The same between the arbiter and a session that attaches while it happens.
TEST(HostileTest, OthersAttachOrAreToldThatTheyCannot) {
  Zygote zygote;
  Server server(config());
  WorkerArgs args = worker_args(server.socket().c_str(), test_seed());
  args.mode = 5;
  args.pause = 400'000;
  const pid_t worker = zygote.start(scribble, args);
  server.next(ArbiterEvent::Kind::kAttached);
  const SaneCopy sane(*server.segment());
  uint32_t attached = 0;
  for (int i = 0; i < 200; i++) {
    sane.put_back();
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
