// XXH3-64 (seed 0) and copying, with the widest instructions that the processor has. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ur {

uint64_t xxh3_64(const void* data, size_t length);

// Copies and returns the XXH3-64 of what was copied. `bypass_cache`: store with non-temporal
// instructions, for rings that do not fit into the cache anyway.
uint64_t copy_and_hash(void* target, const void* source, size_t length, bool bypass_cache);

// Copies; `bypass_cache` as above.
void copy_bytes(void* target, const void* source, size_t length, bool bypass_cache);

// Ring sizes from which bypassing pays: the last-level cache of one core, in bytes.
size_t cache_bypass_bytes();

}  // namespace ur
