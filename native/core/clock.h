// The monotonic clock that every process of a machine shares.
#pragma once

#include <time.h>

#include <cstdint>

namespace ur {

inline uint64_t monotonic_ns() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1000000000ULL + static_cast<uint64_t>(now.tv_nsec);
}

}  // namespace ur
