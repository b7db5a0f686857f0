// When a wait is over. Any thread.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "core/clock.h"

namespace ur::capi {

class Deadline {
 public:
  // Milliseconds from now; negative: never.
  explicit Deadline(int timeout_ms)
      : end_ns_(timeout_ms < 0 ? UINT64_MAX
                               : monotonic_ns() + static_cast<uint64_t>(timeout_ms) * 1'000'000) {}

  bool passed() const { return end_ns_ != UINT64_MAX && monotonic_ns() >= end_ns_; }
  // At most `most_ns`.
  uint64_t left_ns(uint64_t most_ns) const {
    if (end_ns_ == UINT64_MAX) return most_ns;
    const uint64_t now = monotonic_ns();
    return now >= end_ns_ ? 0 : std::min(end_ns_ - now, most_ns);
  }

 private:
  uint64_t end_ns_;
};

}  // namespace ur::capi
