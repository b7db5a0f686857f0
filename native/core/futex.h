// Sleeping on a word of shared memory. Any thread; the word may lie in memory of several processes,
// so the process-private variants are never used.
#pragma once

#include <cstdint>

#include "layout.h"

namespace ur {

// Sleeps while *word == expected, at most timeout_ns; may return early.
void futex_wait(AtomicU32* word, uint32_t expected, uint64_t timeout_ns);

// Wakes one sleeper.
void futex_wake(AtomicU32* word);

}  // namespace ur
