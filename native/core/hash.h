// XXH3-64 (seed 0) and copying, with the widest instructions that the processor has. Any thread.
//
// What another process will read is stored past the cache, with non-temporal instructions. Stored
// through it, the lines lie changed in the writer's cache, or unchanged in the reader's from the last
// time around, and have to be fetched from core to core: measured at 64 KB slots 1.7 to 10 GB/s,
// depending on which two cores it is, against 20 to 24 GB/s past the cache (docs/benchmarks.md).
#pragma once

#include <cstddef>
#include <cstdint>

namespace ur {

uint64_t xxh3_64(const void* data, size_t length);

// Copies and returns the XXH3-64 of what was copied. `bypass_cache`: past the cache, as above.
uint64_t copy_and_hash(void* target, const void* source, size_t length, bool bypass_cache);

// The XXH3-64 of bytes that come in pieces, taken while they are copied past the cache.
class RunningHash {
 public:
  void reset();
  void copy(void* target, const void* source, size_t length);
  uint64_t digest() const;

 private:
  alignas(64) unsigned char state_[576];  // an XXH3_state_t
};

}  // namespace ur
