#include "hash.h"

#include "hash_avx2.h"
#include "single_pass.h"

namespace ur {
namespace {

#if defined(UR_HAVE_AVX2)
const bool kHasAvx2 = __builtin_cpu_supports("avx2");
#else
constexpr bool kHasAvx2 = false;
uint64_t xxh3_64_avx2(const void*, size_t) { return 0; }
uint64_t copy_and_hash_avx2(void*, const void*, size_t, bool) { return 0; }
void update_and_copy_avx2(void*, void*, const void*, size_t) {}
#endif

}  // namespace

uint64_t xxh3_64(const void* data, size_t length) {
  return kHasAvx2 ? xxh3_64_avx2(data, length) : XXH3_64bits(data, length);
}

uint64_t copy_and_hash(void* target, const void* source, size_t length, bool bypass_cache) {
  if (kHasAvx2) return copy_and_hash_avx2(target, source, length, bypass_cache);
  return single_pass(static_cast<uint8_t*>(target), static_cast<const uint8_t*>(source), length,
                     bypass_cache);
}

static_assert(sizeof(RunningHash) >= sizeof(XXH3_state_t));
static_assert(alignof(RunningHash) >= alignof(XXH3_state_t));

void RunningHash::reset() { XXH3_64bits_reset(reinterpret_cast<XXH3_state_t*>(state_)); }

void RunningHash::copy(void* target, const void* source, size_t length) {
  if (kHasAvx2) {
    update_and_copy_avx2(state_, target, source, length);
  } else {
    update_and_copy(reinterpret_cast<XXH3_state_t*>(state_), static_cast<uint8_t*>(target),
                    static_cast<const uint8_t*>(source), length);
  }
}

uint64_t RunningHash::digest() const {
  return XXH3_64bits_digest(reinterpret_cast<const XXH3_state_t*>(state_));
}

}  // namespace ur
