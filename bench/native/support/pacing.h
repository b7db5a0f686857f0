// How a benchmark's thread waits for other processes: it looks again for a short while, then it parks
// and sleeps on its doorbell. While it only looks, the other side pays for no wake.
#pragma once

#include <cstdint>

#include "core/doorbell.h"
#include "core/lane_reader.h"
#include "core/lane_writer.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace ur::bench {

inline void relax() {
#if defined(__x86_64__)
  _mm_pause();
#elif defined(__aarch64__)
  __asm__ __volatile__("isb");
#endif
}

class Pacer {
 public:
  // `spins`: looks before sleeping; 0 sleeps at once.
  Pacer(const Segment& segment, uint64_t spins)
      : segment_(segment), doorbell_(segment, segment.self()), spins_(spins) {}

  // Returns when `look` is true. `park` asks to be rung; true: nothing there yet, sleep.
  template <typename Look, typename Park>
  void wait(Look look, Park park) {
    for (uint64_t i = 0; i < spins_; i++) {
      if (look()) return;
      relax();
    }
    while (park()) {
      sleeps_++;
      doorbell_.wait(kLongestSleepNs);
      uint32_t streams[64];
      while (take_signals(segment_, segment_.self(), streams, 64) == 64) continue;
      if (look()) return;
    }
  }

  uint64_t sleeps() const { return sleeps_; }

 private:
  const Segment& segment_;
  Doorbell doorbell_;
  uint64_t spins_;
  uint64_t sleeps_ = 0;
};

}  // namespace ur::bench
