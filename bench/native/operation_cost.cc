// One trial: what single operations of the core cost when nobody sleeps and nobody else uses the cache
// lines, in ns per call; and how many allocations a slot costs from the writer to its acknowledgement.
// Prints one line of JSON; bench/native/native.bench.ts runs it.

#include <cstdlib>
#include <new>
#include <string>

#include "core/clock.h"
#include "core/doorbell.h"
#include "core/lane_reader.h"
#include "core/lane_writer.h"
#include "support/bench_server.h"
#include "support/options.h"
#include "support/report.h"
#include "support/source.h"

namespace {
// A thread's own: the arbiter's thread allocates when it looks for deaths.
thread_local uint64_t allocations = 0;
}

void* operator new(size_t size) {
  allocations++;
  void* memory = std::malloc(size);
  if (memory == nullptr) std::abort();
  return memory;
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }

namespace ur::bench {
namespace {

// Mean time of `operation` in ns.
template <typename Operation>
double mean_ns(uint64_t rounds, Operation operation) {
  for (uint64_t i = 0; i < rounds / 10 + 1; i++) operation();
  const uint64_t begin_ns = monotonic_ns();
  for (uint64_t i = 0; i < rounds; i++) operation();
  return static_cast<double>(monotonic_ns() - begin_ns) / static_cast<double>(rounds);
}

// A stream whose writer and only reader are this process.
struct Pair {
  LaneWriter writer;
  LaneReader reader;
  Buffer bytes{65536};
  uint64_t hash = 0;

  Pair(BenchServer* server, uint64_t seed) {
    const uint64_t stream_id = server->open_stream();
    writer = server->request_writer(stream_id);
    expect_ok(reader.join(server->segment(), server->lane(stream_id, kRequestLane), 0), "joining");
    bytes.fill(seed);
  }

  void write(uint32_t length) {
    expect_ok(writer.write(bytes.data(), length, kSlotBody), "writing");
  }

  void fill_in_place(uint32_t length) {
    uint8_t* slot = nullptr;
    expect_ok(writer.reserve(&slot), "reserving");
    slot[0] = bytes.data()[0];
    expect_ok(writer.commit(length, kSlotBody), "committing");
  }

  void read(bool acknowledge = true) {
    SlotView view;
    uint32_t count = 0;
    expect_ok(reader.tail(&view, 1, &count), "tailing");
    if (count != 1) fail("a slot is missing");
    hash = fold(hash, reader.lane().header(view.id).xxh3.load(std::memory_order_relaxed));
    if (acknowledge) expect_ok(reader.ack(view.id), "acknowledging");
  }
};

// Reading alone: the writer fills the ring first, outside the measured time.
double tail_and_ack_ns(Pair* pair, uint64_t rounds) {
  uint64_t total_ns = 0;
  uint64_t slots = 0;
  while (slots < rounds) {
    for (uint32_t i = 0; i < pair->writer.lane().slots; i++) pair->write(64);
    const uint64_t begin_ns = monotonic_ns();
    for (uint32_t i = 0; i < pair->writer.lane().slots; i++) pair->read();
    total_ns += monotonic_ns() - begin_ns;
    slots += pair->writer.lane().slots;
  }
  return static_cast<double>(total_ns) / static_cast<double>(slots);
}

// Writing alone, into room that the reader has given back outside the measured time.
double write_ns(Pair* pair, uint64_t rounds, uint32_t length) {
  uint64_t total_ns = 0;
  uint64_t slots = 0;
  while (slots < rounds) {
    const uint64_t begin_ns = monotonic_ns();
    for (uint32_t i = 0; i < pair->writer.lane().slots; i++) pair->write(length);
    total_ns += monotonic_ns() - begin_ns;
    for (uint32_t i = 0; i < pair->writer.lane().slots; i++) pair->read();
    slots += pair->writer.lane().slots;
  }
  return static_cast<double>(total_ns) / static_cast<double>(slots);
}

uint64_t allocations_for(Pair* pair, uint64_t slots) {
  const uint64_t before = allocations;
  for (uint64_t i = 0; i < slots; i++) {
    pair->write(4096);
    pair->read();
    if (pair->reader.park() != Status::kEmpty) fail("there should be nothing new");
  }
  return allocations - before;
}

int run(Options* options) {
  const uint64_t rounds = options->number("rounds", 1'000'000);
  const uint64_t seed = options->number("seed", 1);
  options->check_all_known();
  BenchGeometry geometry;
  geometry.streams = 2;
  BenchServer server(geometry);
  Pair pair(&server, seed);
  const Segment& segment = *server.segment();
  uint64_t sum = 0;
  SlotView view;
  uint32_t count = 0;

  Report report;
  report.add("clock_ns", mean_ns(rounds, [&] { sum += monotonic_ns(); }));
  report.add("last_ns", mean_ns(rounds, [&] {
    sum += pair.reader.last();
    __asm__ __volatile__("" : : : "memory");
  }));
  report.add("tail_empty_ns",
             mean_ns(rounds, [&] { expect_ok(pair.reader.tail(&view, 1, &count), "tailing"); }));
  report.add("tail_and_ack_ns", tail_and_ack_ns(&pair, rounds));
  report.add("write_64_byte_ns", write_ns(&pair, rounds, 64));
  report.add("write_64_kib_ns", write_ns(&pair, rounds / 20 + 1, 65536));
  report.add("reserve_commit_64_byte_ns", mean_ns(rounds, [&] {
    pair.fill_in_place(64);
    pair.read();
  }));
  pair.write(65536);
  pair.read(false);
  const uint64_t id = pair.reader.position();
  report.add("pin_unpin_ns", mean_ns(rounds, [&] {
    expect_ok(pair.reader.pin(id), "pinning");
    pair.reader.unpin(id);
  }));
  report.add("verify_64_kib_ns", mean_ns(rounds / 20 + 1, [&] {
    expect_ok(pair.reader.verify(id), "verifying");
  }));
  expect_ok(pair.reader.ack(id), "acknowledging");
  report.add("ring_awake_ns", mean_ns(rounds, [&] { ring(segment, 0, 0); }));
  report.add("allocations", allocations_for(&pair, 10000));
  report.add("slots_without_allocation", uint64_t{10000});

  Pair checked(&server, seed);
  for (uint32_t i = 0; i < 1000; i++) {
    checked.write(1 + i * 65);
    checked.read();
  }
  report.add_hash("hash", checked.hash ^ (sum == 0 ? 1 : 0));
  report.print();
  return 0;
}

}  // namespace
}  // namespace ur::bench

int main(int argc, char** argv) {
  ur::bench::Options options(argc, argv);
  return ur::bench::run(&options);
}
