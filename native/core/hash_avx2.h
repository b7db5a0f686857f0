// XXH3-64 compiled for AVX2; called only where the processor has it.
#pragma once

#include <cstddef>
#include <cstdint>

#if defined(__x86_64__) && !defined(UR_NO_AVX2)
#define UR_HAVE_AVX2 1
namespace ur {
uint64_t xxh3_64_avx2(const void* data, size_t length);
}
#endif
