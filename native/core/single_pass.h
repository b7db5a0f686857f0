// XXH3-64 of bytes while they are copied, in one pass over the source. Compiled once per instruction
// set (hash.cc, hash_avx2.cc), so everything here has internal linkage. It is built from the steps of
// XXH3 that XXH_INLINE_ALL shows; hash_test.cc holds its results to XXH3_64bits().
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#define XXH_INLINE_ALL
#include <xxhash.h>

#if defined(__AVX2__)
#include <immintrin.h>
#elif defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace ur {
namespace {

constexpr size_t kStripeBytes = 64;
constexpr size_t kBlockStripes = (XXH_SECRET_DEFAULT_SIZE - kStripeBytes) / 8;
constexpr size_t kBlockBytes = kBlockStripes * kStripeBytes;
// Below this XXH3 takes other ways than the long hash, and passes do not matter.
constexpr size_t kSinglePassBytes = kBlockBytes;

#if defined(__AVX2__)
constexpr size_t kStreamAlignment = 32;
inline void stream_stripe(uint8_t* target, const uint8_t* source) {
  const __m256i low = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(source));
  const __m256i high = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(source + 32));
  _mm256_stream_si256(reinterpret_cast<__m256i*>(target), low);
  _mm256_stream_si256(reinterpret_cast<__m256i*>(target + 32), high);
}
// Non-temporal stores are not ordered by the release store that publishes the slot.
inline void stream_fence() { _mm_sfence(); }
#elif defined(__SSE2__)
constexpr size_t kStreamAlignment = 16;
inline void stream_stripe(uint8_t* target, const uint8_t* source) {
  for (size_t i = 0; i < kStripeBytes; i += 16) {
    const __m128i part = _mm_loadu_si128(reinterpret_cast<const __m128i*>(source + i));
    _mm_stream_si128(reinterpret_cast<__m128i*>(target + i), part);
  }
}
inline void stream_fence() { _mm_sfence(); }
#else
constexpr size_t kStreamAlignment = 1;
inline void stream_stripe(uint8_t* target, const uint8_t* source) {
  std::memcpy(target, source, kStripeBytes);
}
inline void stream_fence() {}
#endif

template <bool kStream>
inline void copy_stripe(uint8_t* target, const uint8_t* source) {
  if constexpr (kStream) {
    stream_stripe(target, source);
  } else {
    std::memcpy(target, source, kStripeBytes);
  }
}

// `length` >= kSinglePassBytes; with kStream `target` has kStreamAlignment. No prefetching: it costs
// a sixth of the speed when the source is in the cache, and the processor sees the pattern by itself.
template <bool kStream>
uint64_t copy_and_hash_long(uint8_t* target, const uint8_t* source, size_t length) {
  XXH_ALIGN(XXH_ACC_ALIGN) xxh_u64 sums[XXH_ACC_NB] = XXH3_INIT_ACC;
  const xxh_u8* secret = XXH3_kSecret;
  const xxh_u8* secret_end = secret + XXH_SECRET_DEFAULT_SIZE - kStripeBytes;
  size_t at = 0;
  for (; length - at > kBlockBytes; at += kBlockBytes) {
    for (size_t i = 0; i < kBlockStripes; i++) {
      const uint8_t* stripe = source + at + i * kStripeBytes;
      XXH3_accumulate_512(sums, stripe, secret + i * 8);
      copy_stripe<kStream>(target + at + i * kStripeBytes, stripe);
    }
    XXH3_scrambleAcc(sums, secret_end);
  }
  for (size_t i = 0; length - at > kStripeBytes; i++, at += kStripeBytes) {
    XXH3_accumulate_512(sums, source + at, secret + i * 8);
    copy_stripe<kStream>(target + at, source + at);
  }
  std::memcpy(target + at, source + at, length - at);
  XXH3_accumulate_512(sums, source + length - kStripeBytes,
                      secret_end - XXH_SECRET_LASTACC_START);
  if constexpr (kStream) stream_fence();
  return XXH3_mergeAccs(sums, secret + XXH_SECRET_MERGEACCS_START, length * XXH_PRIME64_1);
}

// As copy_and_hash() of hash.h.
uint64_t single_pass(uint8_t* target, const uint8_t* source, size_t length, bool bypass_cache) {
  if (length < kSinglePassBytes) {
    if (length > 0) std::memcpy(target, source, length);
    return XXH3_64bits(source, length);
  }
  if (bypass_cache && reinterpret_cast<uintptr_t>(target) % kStreamAlignment == 0) {
    return copy_and_hash_long<true>(target, source, length);
  }
  return copy_and_hash_long<false>(target, source, length);
}

// Whole cache lines past the cache, the ragged ends through it.
void stream_copy(uint8_t* target, const uint8_t* source, size_t length) {
  const size_t to_line = (0 - reinterpret_cast<uintptr_t>(target)) % kStripeBytes;
  size_t at = to_line < length ? to_line : length;
  std::memcpy(target, source, at);
  for (; length - at >= kStripeBytes; at += kStripeBytes) stream_stripe(target + at, source + at);
  std::memcpy(target + at, source + at, length - at);
  stream_fence();
}

// Bytes that are hashed and copied before the next ones: the second pass finds them in the cache.
constexpr size_t kPieceBytes = 16384;

// As RunningHash::copy() of hash.h.
void update_and_copy(XXH3_state_t* state, uint8_t* target, const uint8_t* source, size_t length) {
  while (length > 0) {
    const size_t piece = length < kPieceBytes ? length : kPieceBytes;
    XXH3_64bits_update(state, source, piece);
    stream_copy(target, source, piece);
    target += piece;
    source += piece;
    length -= piece;
  }
}

}  // namespace
}  // namespace ur
