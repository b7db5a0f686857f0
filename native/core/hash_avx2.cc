#include "hash_avx2.h"

#if defined(UR_HAVE_AVX2)
#include "single_pass.h"

namespace ur {

uint64_t xxh3_64_avx2(const void* data, size_t length) { return XXH3_64bits(data, length); }

uint64_t copy_and_hash_avx2(void* target, const void* source, size_t length, bool bypass_cache) {
  return single_pass(static_cast<uint8_t*>(target), static_cast<const uint8_t*>(source), length,
                     bypass_cache);
}

void update_and_copy_avx2(void* state, void* target, const void* source, size_t length) {
  update_and_copy(static_cast<XXH3_state_t*>(state), static_cast<uint8_t*>(target),
                  static_cast<const uint8_t*>(source), length);
}

}  // namespace ur
#endif
