// Verdicts of required observers: a response is let through only when each has passed. Several
// processes may bear one observer's name; the first that holds a stream's verdict has the duty.
#pragma once

#include <cstdint>
#include <string>

#include "segment.h"

namespace ur {

struct VerdictView {
  VerdictState state = VerdictState::kPending;
  uint32_t worker = kNoIndex;
  uint32_t attempt = 0;  // > 0: a holder died before its verdict
  uint32_t status = 0;
  std::string reason;
};

// Takes the duty. kAlreadyClaimed, kUnknownObserver, or what became of the stream.
[[nodiscard]] Status hold_verdict(Segment* segment, uint64_t stream_id, uint32_t observer);
// Gives the verdict; `status` and `reason` (at most 112 bytes are kept) belong to a veto. kNotOwner.
[[nodiscard]] Status give_verdict(Segment* segment, uint64_t stream_id, uint32_t observer, bool pass,
                                  uint32_t status, const std::string& reason);
VerdictView read_verdict(const Segment& segment, uint32_t stream, uint32_t observer);

void reset_verdicts(const Segment& segment, uint32_t stream, uint64_t generation);
// Death recovery: what `worker` held is pending again. Returns how many.
uint32_t orphan_verdicts(const Segment& segment, uint32_t stream, uint32_t worker);

}  // namespace ur
