#include "hash_avx2.h"

#if defined(UR_HAVE_AVX2)
#define XXH_INLINE_ALL
#include <xxhash.h>

namespace ur {

uint64_t xxh3_64_avx2(const void* data, size_t length) { return XXH3_64bits(data, length); }

}  // namespace ur
#endif
