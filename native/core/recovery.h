// What the arbiter does after a worker's death. Idempotent; touches only what is the dead worker's.
#pragma once

#include <cstdint>

#include "segment.h"

namespace ur {

struct RecoveryReport {
  uint32_t torn_slots = 0;  // slots that it was writing
  uint32_t claims = 0;
  uint32_t readers = 0;
  uint32_t pins = 0;
  uint32_t verdicts = 0;
  uint64_t duration_ns = 0;
};

// Gives back the readers, pins, claims, verdicts and parked bits of `worker`, wakes everybody that it
// may have left asleep, and last of all frees its row with a new generation. Only after its mapping is
// known to be gone.
RecoveryReport recover_worker(const Segment& segment, uint32_t worker);

}  // namespace ur
