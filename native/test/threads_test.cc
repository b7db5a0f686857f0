// One writer and many readers at once: gating, pinning, copying, leaving, joining again, being evicted.
// Every byte and every hash is checked. Once with all threads on one mapping, where ThreadSanitizer sees
// all that they do; and once with a mapping and a row for each, as processes have them.
#include <atomic>
#include <mutex>
#include <random>
#include <thread>

#include "core/clock.h"
#include "core/doorbell.h"
#include "core/hash.h"
#include "test/support/host.h"
#include "test/support/waiting.h"
#include "test/support/zygote.h"

namespace ur::test {
namespace {

constexpr uint32_t kReaders = 5;
constexpr uint32_t kSlotSize = 1024;

uint32_t length_of(uint64_t slot) { return static_cast<uint32_t>(slot * 331 % kSlotSize) + 1; }

SegmentConfig config() {
  SegmentConfig config = small_config();
  config.pools[0].request_slots = 16;
  return config;
}

class Stress {
 public:
  explicit Stress(bool one_mapping) : one_mapping_(one_mapping), host_(config()) {
    id_ = host_.open();
    for (uint32_t w = 1; w <= kReaders; w++) {
      workers_[w - 1] = one_mapping ? host_.server() : host_.worker(w);
    }
  }

  void run(uint64_t seed, double seconds) {
    std::vector<std::thread> threads;
    threads.emplace_back([this] { write(); });
    for (uint32_t r = 0; r < kReaders; r++) {
      threads.emplace_back([this, r, seed] { read(r, seed * kReaders + r); });
    }
    if (!one_mapping_) threads.emplace_back([this, seed] { evict(seed); });
    const uint64_t end = monotonic_ns() + static_cast<uint64_t>(seconds * 1e9);
    eventually([&] { return stop_ || monotonic_ns() > end; }, kWatchdog * 100);
    EXPECT_TRUE(eventually([&] { return stop_ || written_ > 500; })) << "it hardly moves";
    stop_ = true;
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(wrong_, "");
    std::printf("%llu slots written, %llu read, %llu copied, %llu pinned, %llu evicted\n",
                static_cast<unsigned long long>(written_), static_cast<unsigned long long>(read_),
                static_cast<unsigned long long>(copied_), static_cast<unsigned long long>(pinned_),
                static_cast<unsigned long long>(evicted_));
    EXPECT_GT(read_, 0U);
    host_.finish(id_);
    EXPECT_TRUE(host_.is_all_free());
  }

 private:
  void fail(const std::string& what) {
    const std::lock_guard<std::mutex> guard(mutex_);
    if (wrong_.empty()) wrong_ = what;
    stop_ = true;
  }

  void write() {
    LaneWriter writer = request_writer(host_, id_);
    Doorbell doorbell(*host_.server(), 0);
    std::vector<uint8_t> bytes(kSlotSize);
    while (!stop_) {
      const uint64_t next = writer.last() + 1;
      uint8_t* slot = nullptr;
      Status status = writer.reserve(&slot);
      if (status == Status::kOk) {
        fill_pattern(slot, length_of(next), next);
        status = writer.commit(length_of(next), kSlotBody);
        written_++;
      }
      if (status == Status::kFull || status == Status::kPinned) {
        if (writer.park() == Status::kFull) doorbell.wait(kLongestSleepNs);
      } else if (status != Status::kOk) {
        fail(std::string("writer: ") + status_name(status));
      }
    }
    EXPECT_OK(writer.release());
  }

  void read(uint32_t self, uint64_t seed) {
    std::mt19937_64 random(seed);
    Segment* segment = workers_[self];
    const LaneRef lane = lane_of(*segment, id_, kRequestLane);
    while (!stop_) {
      LaneReader reader;
      const int64_t from = random() % 2 == 0 ? 0 : LaneReader::kFromNewest;
      const Status status = reader.join(segment, lane, from);
      if (status == Status::kNoFreeReader) {
        copy(lane, random());
        continue;
      }
      // Who is evicted meanwhile has not joined.
      if (status == Status::kEvicted) continue;
      if (status != Status::kOk) {
        fail(std::string("join: ") + status_name(status));
        continue;
      }
      for (uint64_t round = random() % 64; round > 0 && !stop_; round--) {
        if (!take(reader, &random)) break;
        if (random() % 8 == 0) copy(lane, random());
      }
      reader.leave();
    }
  }

  // False when the place is lost, or nothing comes.
  bool take(LaneReader& reader, std::mt19937_64* random) {
    SlotView views[8];
    uint32_t count = 0;
    const Status status = reader.tail(views, 1 + (*random)() % 8, &count);
    if (status != Status::kOk) {
      if (status != Status::kEvicted) fail(std::string("tail: ") + status_name(status));
      return false;
    }
    if (count == 0) {
      std::this_thread::yield();
      return true;
    }
    bool right = true;
    for (uint32_t i = 0; i < count; i++) right = is_right(reader, views[i]) && right;
    const SlotView& kept = views[(*random)() % count];
    const bool pinned = (*random)() % 3 == 0 && reader.pin(kept.id) == Status::kOk;
    const bool mine = reader.ack(views[count - 1].id) == Status::kOk;
    if (mine && !right) fail("wrong bytes in what was acknowledged");
    if (mine) read_ += count;
    if (!pinned) return mine;
    if ((*random)() % 2 == 0) std::this_thread::yield();
    if (mine && !is_right(reader, kept)) fail("wrong bytes in a pinned slot");
    pinned_++;
    reader.unpin(kept.id);
    return mine;
  }

  bool is_right(const LaneReader& reader, const SlotView& view) const {
    const uint32_t length = view.length;
    if (length != length_of(view.id)) return false;
    const uint64_t hash = reader.lane().header(view.id).xxh3.load(std::memory_order_relaxed);
    return is_pattern(view.data, length, view.id) && xxh3_64(view.data, length) == hash;
  }

  void copy(const LaneRef& lane, uint64_t random) {
    uint8_t into[kSlotSize];
    uint32_t length = 0;
    uint32_t flags = 0;
    const uint64_t last = lane.control->last.load(std::memory_order_acquire);
    const uint64_t id = last - std::min(last, random % lane.slots);
    if (copy_slot(lane, id, into, sizeof into, &length, &flags) != Status::kOk) return;
    if (length != length_of(id) || !is_pattern(into, length, id)) fail("a torn copy");
    copied_++;
  }

  // The worker of every second reader, again and again.
  void evict(uint64_t seed) {
    std::mt19937_64 random(seed);
    const LaneRef lane = host_.request(id_);
    while (!stop_) {
      evicted_ += host_.ingress().evict(lane, 1 + 2 * static_cast<uint32_t>(random() % 3));
      for (uint64_t i = random() % 200'000; i > 0 && !stop_; i--) {
        std::atomic_signal_fence(std::memory_order_seq_cst);
      }
    }
  }

  const bool one_mapping_;
  Host host_;
  uint64_t id_ = 0;
  Segment* workers_[kReaders];
  std::atomic<bool> stop_{false};
  std::atomic<uint64_t> written_{0}, read_{0}, copied_{0}, pinned_{0}, evicted_{0};
  std::mutex mutex_;
  std::string wrong_;
};

TEST(ThreadsTest, OneMapping) { Stress(true).run(test_seed(), test_seconds(1.5)); }

TEST(ThreadsTest, AMappingEachAndEvictions) { Stress(false).run(test_seed(), test_seconds(1.5)); }

// Several threads of one worker share its bit in the lock word: it goes with the last pin.
TEST(ThreadsTest, PinsOfOneWorkerAreCounted) {
  Host host;
  const uint64_t id = host.open();
  LaneWriter writer = request_writer(host, id);
  write_slots(writer, 8);
  Segment* worker = host.worker(1);
  std::vector<std::thread> threads;
  std::atomic<uint32_t> lost{0};
  for (uint32_t t = 0; t < 4; t++) {
    threads.emplace_back([&, t] {
      LaneReader reader = join(worker, id, kRequestLane);
      std::mt19937_64 random(t);
      for (int round = 0; round < 2000; round++) {
        const uint64_t slot = 1 + random() % 8;
        if (reader.pin(slot) != Status::kOk) lost++;
        if ((reader.lane().header(slot).pins.load() & worker->self_bit()) == 0) lost++;
        reader.unpin(slot);
      }
      reader.leave();
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(lost, 0U);
  host.finish(id);
}

}  // namespace
}  // namespace ur::test
