/* XXH3-64 as a shared library, for languages that have none of their own. */

#include "xxhash.h"
#if defined(__x86_64__)
#include "xxh_x86dispatch.h"
#endif

void* bench_xxh3_new(void) {
  XXH3_state_t* state = XXH3_createState();
  XXH3_64bits_reset(state);
  return state;
}

void bench_xxh3_update(void* state, const void* data, size_t length) {
  XXH3_64bits_update(state, data, length);
}

unsigned long long bench_xxh3_digest(const void* state) { return XXH3_64bits_digest(state); }
