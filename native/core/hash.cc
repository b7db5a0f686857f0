#include "hash.h"

#include <cstring>

#include "hash_avx2.h"
#include "machine.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace ur {
namespace {

#if defined(UR_HAVE_AVX2)
const bool kHasAvx2 = __builtin_cpu_supports("avx2");
#else
constexpr bool kHasAvx2 = false;
uint64_t xxh3_64_avx2(const void*, size_t) { return 0; }
#endif

#if defined(__SSE2__)
// 16 bytes at a time, target aligned; the caller gives whole slots, whose starts are aligned.
void stream_copy(uint8_t* target, const uint8_t* source, size_t length) {
  size_t i = 0;
  for (; i + 64 <= length; i += 64) {
    for (size_t j = 0; j < 64; j += 16) {
      __m128i part = _mm_loadu_si128(reinterpret_cast<const __m128i*>(source + i + j));
      _mm_stream_si128(reinterpret_cast<__m128i*>(target + i + j), part);
    }
  }
  std::memcpy(target + i, source + i, length - i);
  _mm_sfence();  // non-temporal stores are not ordered by the release store that publishes the slot
}
#endif


}  // namespace

uint64_t xxh3_64(const void* data, size_t length) {
  return kHasAvx2 ? xxh3_64_avx2(data, length) : XXH3_64bits(data, length);
}

void copy_bytes(void* target, const void* source, size_t length, bool bypass_cache) {
#if defined(__SSE2__)
  if (bypass_cache && length >= 1024 && reinterpret_cast<uintptr_t>(target) % 16 == 0) {
    stream_copy(static_cast<uint8_t*>(target), static_cast<const uint8_t*>(source), length);
    return;
  }
#endif
  (void)bypass_cache;
  std::memcpy(target, source, length);
}

uint64_t copy_and_hash(void* target, const void* source, size_t length, bool bypass_cache) {
  // The hash reads the source: it stands in private memory and, after this pass, in the cache.
  uint64_t hash = xxh3_64(source, length);
  copy_bytes(target, source, length, bypass_cache);
  return hash;
}

size_t cache_bypass_bytes() {
  static const size_t kBytes = machine_l2_bytes() != 0 ? machine_l2_bytes() : size_t{1} << 20;
  return kBytes;
}

}  // namespace ur
