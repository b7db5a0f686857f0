// The claim of a response or stage lane: who holds it is the lane's single writer. Any process; one
// compare-and-swap. The claim word is the fencing token: it differs for every stream, attempt and worker.
#pragma once

#include <cstdint>

#include "segment.h"

namespace ur {

// kOk and *token, kAlreadyClaimed, kInvalidArgument for a request lane, or what became of the stream.
[[nodiscard]] Status claim_lane(Segment* segment, const LaneRef& lane, uint64_t* token);

struct ClaimOwner {
  uint32_t worker = kNoIndex;  // kNoIndex: free
  bool orphan = false;         // its holder died; the ingress has not decided yet
  uint32_t attempt = 0;
};
ClaimOwner claim_owner(const LaneRef& lane);

// After the holder's death, by the ingress: clears the lane so that another worker may claim it. Its
// readers are evicted: what they have read is worth nothing. kNotOwner: the claim is no orphan.
[[nodiscard]] Status requeue_lane(Segment* segment, const LaneRef& lane);

// Sets every word of the lane to its first state for `generation`. Only when nobody holds anything.
void reset_lane(const LaneRef& lane);

}  // namespace ur
