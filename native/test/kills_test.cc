// Worker processes that do everything at once are killed and stopped at random instants, under an
// ingress and the real arbiter. UR_TEST_SECONDS runs it longer, UR_TEST_SEED repeats a run.
#include <csignal>
#include <cstdio>
#include <random>
#include <thread>

#include "core/doorbell.h"
#include "test/support/control.h"
#include "test/support/exchange.h"
#include "test/support/random_worker.h"

namespace ur::test {
namespace {

constexpr uint32_t kWorkers = 5;
constexpr uint32_t kRows = 24;

SegmentConfig config() {
  SegmentConfig config = small_config();
  config.pools[0].request_slots = 16;
  config.pools[0].response_slots = 16;
  config.max_workers = kRows;  // the dying keep their rows for a moment
  return config;
}

// Starts workers and ends them, in a thread of its own.
class Killer {
 public:
  Killer(Zygote* zygote, Server* server, uint64_t seed)
      : zygote_(zygote), server_(server), random_(seed) {}

  void run(const std::atomic<bool>& stop) {
    for (pid_t& worker : workers_) worker = start();
    while (!stop) {
      pid_t& worker = workers_[random_() % kWorkers];
      // At some instant of its first turns, however slow the machine is.
      const uint64_t turns = random_() % 6;
      eventually([&] { return stop || turns_of(worker) >= turns; }, 10'000'000);
      for (uint64_t i = random_() % 50'000; i > 0; i--) {
        std::atomic_signal_fence(std::memory_order_seq_cst);
      }
      if (random_() % 16 == 0) pause(worker);
      end(worker);
      worker = start();
    }
    for (pid_t worker : workers_) end(worker);
  }

  uint64_t kills = 0;
  uint64_t stops = 0;
  int wrong = 0;  // exit status of a worker that saw something wrong

 private:
  pid_t start() {
    return zygote_->start(random_worker, worker_args(server_->socket().c_str(), random_()));
  }

  uint64_t turns_of(pid_t worker) {
    for (uint32_t w = 1; w < kRows; w++) {
      const WorkerRow& row = server_->row(w);
      if (row.pid.load() == static_cast<uint32_t>(worker) && !server_->is_row_free(w)) {
        return row.in_flight.load();
      }
    }
    return 0;
  }

  void pause(pid_t worker) {
    const timespec moment = {0, static_cast<long>(random_() % 40'000'000)};
    kill(worker, SIGSTOP);
    nanosleep(&moment, nullptr);
    kill(worker, SIGCONT);
    stops++;
  }

  void end(pid_t worker) {
    kill(worker, SIGKILL);
    kills++;
    const int status = zygote_->reap(worker);
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL) wrong = status;
  }

  Zygote* zygote_;
  Server* server_;
  std::mt19937_64 random_;
  pid_t workers_[kWorkers] = {};
};

class KillsTest : public ::testing::Test {
 protected:
  // Runs exchanges until `stop`; what went wrong, or "".
  std::string serve(const std::atomic<bool>& stop) {
    Doorbell doorbell(*server_.segment(), 0);
    std::string wrong;
    while (!stop && wrong.empty()) {
      for (Exchange& exchange : exchanges_) {
        if (wrong.empty()) wrong = exchange.pump();
      }
      forget_rings(*server_.segment(), 0);
      doorbell.wait(1'000'000);
    }
    return wrong;
  }

  // Nothing lives any more: whatever is held now is lost for ever.
  void expect_all_free() {
    EXPECT_TRUE(eventually([&] {
      for (uint32_t w = 1; w < kRows; w++) {
        if (!server_.is_row_free(w)) return false;
      }
      return true;
    })) << "a death was not noticed";
    for (ArbiterEvent& event : server_.arbiter().take_events()) {
      if (event.kind != ArbiterEvent::Kind::kDead) continue;
      torn_ += event.recovery.torn_slots;
      claims_ += event.recovery.claims;
      readers_ += event.recovery.readers;
      pins_ += event.recovery.pins;
    }
    for (Exchange& exchange : exchanges_) EXPECT_TRUE(exchange.finish());
    EXPECT_TRUE(server_.host().is_all_free());
    EXPECT_EQ(server_.segment()->header().responders_waiting.load(), 0U);
    EXPECT_EQ(server_.segment()->header().observers_waiting.load(), 0U);
  }

  Zygote zygote_;
  Server server_{config()};
  std::mt19937_64 random_{1};
  ExchangeCounts counts_;
  Exchange exchanges_[4] = {
      {server_.segment(), &server_.host().ingress(), &random_, &counts_},
      {server_.segment(), &server_.host().ingress(), &random_, &counts_},
      {server_.segment(), &server_.host().ingress(), &random_, &counts_},
      {server_.segment(), &server_.host().ingress(), &random_, &counts_}};
  uint64_t torn_ = 0, claims_ = 0, readers_ = 0, pins_ = 0;
};

TEST_F(KillsTest, NothingIsLostWrongOrHeldWhoeverDiesWhenever) {
  const uint64_t seed = test_seed();
  random_.seed(seed);
  const uint64_t end = monotonic_ns() + static_cast<uint64_t>(test_seconds(10) * 1e9);
  uint64_t kills = 0;
  uint64_t stops = 0;
  for (uint64_t round = 0; monotonic_ns() < end; round++) {
    std::atomic<bool> stop{false};
    Killer killer(&zygote_, &server_, seed + round);
    std::thread thread([&] { killer.run(stop); });
    const uint64_t round_end = monotonic_ns() + kSecond;
    std::atomic<bool> round_over{false};
    std::thread clock([&] {
      eventually([&] { return monotonic_ns() >= round_end || stop; });
      round_over = true;
      ring_plain(*server_.segment(), 0);
    });
    const std::string wrong = serve(round_over);
    stop = true;
    thread.join();
    clock.join();
    kills += killer.kills;
    stops += killer.stops;
    ASSERT_EQ(wrong, "");
    ASSERT_EQ(killer.wrong, 0) << "exit status " << WEXITSTATUS(killer.wrong) << ", signal "
                               << (WIFSIGNALED(killer.wrong) ? WTERMSIG(killer.wrong) : 0);
    expect_all_free();
    if (HasFailure()) return;
  }
  std::printf("%llu kills, %llu stops; %llu answered, %llu failed, %llu requeued, %llu evicted, "
              "%llu slots checked; recovered %llu torn slots, %llu claims, %llu readers, %llu pins\n",
              static_cast<unsigned long long>(kills), static_cast<unsigned long long>(stops),
              static_cast<unsigned long long>(counts_.answered),
              static_cast<unsigned long long>(counts_.failed),
              static_cast<unsigned long long>(counts_.requeued),
              static_cast<unsigned long long>(counts_.evicted),
              static_cast<unsigned long long>(counts_.slots),
              static_cast<unsigned long long>(torn_), static_cast<unsigned long long>(claims_),
              static_cast<unsigned long long>(readers_), static_cast<unsigned long long>(pins_));
  EXPECT_GT(kills, 10U);
  EXPECT_GT(counts_.answered, 0U);
  EXPECT_GT(claims_ + readers_ + pins_, 0U);
}

}  // namespace
}  // namespace ur::test
