// Ringing and waiting. A worker that has nothing to do sleeps on the doorbell of its own row; who has
// something for it sets the stream's bit among the worker's signals and rings. Nobody polls: the time
// limit of a wait only covers a ringer that died between setting the bit and ringing.
#pragma once

#include <cstdint>

#include "segment.h"

namespace ur {

inline constexpr uint64_t kLongestSleepNs = 100'000'000;

// Tells `worker` to look at `stream`. Any process, any thread. Costs no system call unless it sleeps.
void ring(const Segment& segment, uint32_t worker, uint32_t stream);
// Rings every worker of a bitmap; bits of rows that do not exist are passed over.
void ring_all(const Segment& segment, uint64_t workers, uint32_t stream);
// Rings without naming a stream (control events).
void ring_plain(const Segment& segment, uint32_t worker);
// Rings whoever is parked on the lane: its readers, and its writer if it waits for room.
void ring_lane(const Segment& segment, const LaneRef& lane);
// Rings whoever has a place or the claim in the lane, parked or not.
void ring_holders(const Segment& segment, const LaneRef& lane);
// The process that opened the stream.
void ring_ingress(const Segment& segment, const LaneRef& lane);
// The writer of the lane, if it waits for room.
void ring_writer(const Segment& segment, const LaneRef& lane);

// Takes up to `max` signalled stream indexes of row `worker`; what does not fit stays signalled.
uint32_t take_signals(const Segment& segment, uint32_t worker, uint32_t* out, uint32_t max);
bool has_signals(const Segment& segment, uint32_t worker);

// The sleeping side of row `worker`; one thread per row.
class Doorbell {
 public:
  Doorbell(const Segment& segment, uint32_t worker);
  // Sleeps until somebody rings, at most `timeout_ns`. True when it was rung since the last call; the
  // first call returns at once, for what was rung before there was anybody to hear it.
  bool wait(uint64_t timeout_ns);

 private:
  const Segment& segment_;
  WorkerRow& row_;
  uint32_t worker_;
  uint32_t seen_;
};

}  // namespace ur
