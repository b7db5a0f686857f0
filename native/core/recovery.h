// What the arbiter does after the death of a worker, or of another ingress process. Idempotent; touches
// only what is the dead one's.
#pragma once

#include <cstdint>
#include <vector>

#include "segment.h"

namespace ur {

struct RecoveryReport {
  uint32_t torn_slots = 0;  // slots that it was writing
  uint32_t claims = 0;
  uint32_t readers = 0;
  uint32_t pins = 0;
  uint32_t verdicts = 0;
  // Of a dead ingress: aborted and closed, and the caller's now, who has to reclaim their places.
  std::vector<uint64_t> streams;
  uint64_t duration_ns = 0;
};

// Gives back the readers, pins, claims, verdicts and parked bits of `worker`, ends the streams that it
// opened (their readers see kIngressDied), wakes everybody that it may have left asleep, and last of all
// frees its row with a new generation. Only after its mapping is known to be gone.
RecoveryReport recover_worker(const Segment& segment, uint32_t worker);

}  // namespace ur
