// The baseline of a throughput trial: one process, one thread, plain memcpy of the same bytes from the
// same source buffer into ring-sized targets, slot by slot. No hash, no second process, no other core:
// the bytes never have to travel between two caches.
// Prints one line of JSON; bench/native/native.bench.ts runs it.

#include <algorithm>
#include <cstring>
#include <string>

#include "core/clock.h"
#include "core/hash.h"
#include "core/shared_memory.h"
#include "support/options.h"
#include "support/process.h"
#include "support/report.h"
#include "support/source.h"

namespace ur::bench {
namespace {

int run(Options* options) {
  const uint64_t streams = options->number("streams", 1);
  const uint64_t slot_bytes = options->number("slot-bytes", 65536);
  const uint64_t slots = options->number("slots", 16);
  const uint64_t total_bytes = options->number("total-bytes", 512ULL << 20);
  const uint64_t source_bytes = options->number("source-bytes", 1ULL << 20);
  const uint64_t seed = options->number("seed", 1);
  const bool pin = options->number("pin", 0) != 0;
  options->check_all_known();

  if (pin) pin_to_processor(0);
  Buffer source(std::min(source_bytes, total_bytes));
  source.fill(seed);
  // The same kind of memory as a segment's: a mapped memory file, touched before it is used.
  const uint64_t ring_bytes = slots * slot_bytes;
  MemoryFile file;
  Mapping target;
  std::string detail;
  if (file.create(streams * ring_bytes, &detail) != Status::kOk ||
      file.allocate(0, streams * ring_bytes, &detail) != Status::kOk ||
      target.map(file, streams * ring_bytes, true, &detail) != Status::kOk) {
    fail(detail);
  }
  target.populate(0, streams * ring_bytes);

  const uint64_t begin_ns = monotonic_ns();
  uint64_t slot = 0;
  for (uint64_t at = 0; at < total_bytes; slot++) {
    const uint64_t from = at % source.size();
    const uint64_t part =
        std::min<uint64_t>({slot_bytes, total_bytes - at, source.size() - from});
    for (uint64_t stream = 0; stream < streams; stream++) {
      uint8_t* into = target.base() + stream * ring_bytes + slot % slots * slot_bytes;
      std::memcpy(into, source.data() + from, part);
      __asm__ __volatile__("" : : "r"(into) : "memory");  // the copy may not be left out
    }
    at += part;
  }
  const uint64_t end_ns = monotonic_ns();

  Report report;
  report.add("seconds", static_cast<double>(end_ns - begin_ns) / 1e9);
  report.add("bytes", total_bytes * streams);
  report.add("slots", slot * streams);
  report.add_hash("hash", xxh3_64(target.base(), std::min(ring_bytes, total_bytes)));
  report.print();
  return 0;
}

}  // namespace
}  // namespace ur::bench

int main(int argc, char** argv) {
  ur::bench::Options options(argc, argv);
  return ur::bench::run(&options);
}
