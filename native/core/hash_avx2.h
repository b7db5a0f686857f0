// The work of hash.h compiled for AVX2; called only where the processor has it.
#pragma once

#include <cstddef>
#include <cstdint>

#if defined(__x86_64__) && !defined(UR_NO_AVX2)
#define UR_HAVE_AVX2 1
namespace ur {
uint64_t xxh3_64_avx2(const void* data, size_t length);
uint64_t copy_and_hash_avx2(void* target, const void* source, size_t length, bool bypass_cache);
// `state` is an XXH3_state_t, which is the same for every instruction set.
void update_and_copy_avx2(void* state, void* target, const void* source, size_t length);
}  // namespace ur
#endif
