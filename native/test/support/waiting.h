// Waiting for a condition, under a watchdog. Tests never sleep in the hope that something has happened.
#pragma once

#include <sched.h>
#include <time.h>

#include <cstdint>

#include "core/clock.h"

namespace ur::test {

inline constexpr uint64_t kSecond = 1'000'000'000;
inline constexpr uint64_t kWatchdog = 30 * kSecond;

// True as soon as `condition` holds; false when the watchdog's time is over.
template <typename Condition>
bool eventually(Condition condition, uint64_t within_ns = kWatchdog) {
  const uint64_t deadline = monotonic_ns() + within_ns;
  for (uint32_t round = 0; !condition(); round++) {
    if (monotonic_ns() > deadline) return false;
    if (round < 1000) {
      sched_yield();
    } else {
      const timespec moment = {0, 50'000};  // what is waited for needs the processor
      nanosleep(&moment, nullptr);
    }
  }
  return true;
}

}  // namespace ur::test
