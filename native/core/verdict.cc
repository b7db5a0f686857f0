#include "verdict.h"

#include <algorithm>
#include <cstring>

#include "doorbell.h"

namespace ur {
namespace {

constexpr uint64_t with_state(uint64_t word, VerdictState state) {
  return (word & ~0xFFULL) | static_cast<uint64_t>(state);
}

constexpr VerdictState state_of(uint64_t word) { return static_cast<VerdictState>(word & 0xFF); }

constexpr uint32_t holder_of(uint64_t word) {
  return static_cast<uint32_t>((word >> 8) & 0xFF) - 1;
}

Status find(Segment* segment, uint64_t stream_id, uint32_t observer, LaneRef* lane,
            Verdict** verdict) {
  if (observer >= segment->geometry().observers.size()) return Status::kUnknownObserver;
  Status status = segment->lane(stream_id, kRequestLane, lane);
  if (status != Status::kOk) return status;
  *verdict = &lane->row->verdicts[observer];
  return stream_status(*lane);
}

}  // namespace

Status hold_verdict(Segment* segment, uint64_t stream_id, uint32_t observer) {
  LaneRef lane;
  Verdict* verdict = nullptr;
  Status status = find(segment, stream_id, observer, &lane, &verdict);
  if (status != Status::kOk) return status;
  uint64_t word = verdict->word.load(std::memory_order_acquire);
  if (word >> 32 != lane.generation) return Status::kStaleStream;
  if (state_of(word) != VerdictState::kPending) return Status::kAlreadyClaimed;
  const uint64_t mine =
      with_state(word | uint64_t{segment->self() + 1} << 8, VerdictState::kHeld);
  return verdict->word.compare_exchange_strong(word, mine, std::memory_order_acq_rel)
             ? Status::kOk
             : Status::kAlreadyClaimed;
}

Status give_verdict(Segment* segment, uint64_t stream_id, uint32_t observer, bool pass,
                    uint32_t status_code, const std::string& reason) {
  LaneRef lane;
  Verdict* verdict = nullptr;
  Status status = find(segment, stream_id, observer, &lane, &verdict);
  if (status != Status::kOk) return status;
  uint64_t word = verdict->word.load(std::memory_order_acquire);
  if (state_of(word) != VerdictState::kHeld || holder_of(word) != segment->self() ||
      word >> 32 != lane.generation) {
    return Status::kNotOwner;
  }
  if (!pass) {
    const size_t length = std::min(reason.size(), sizeof verdict->reason);
    std::memcpy(verdict->reason, reason.data(), length);
    verdict->reason_length.store(static_cast<uint32_t>(length), std::memory_order_relaxed);
    verdict->status.store(status_code, std::memory_order_relaxed);
  }
  const uint64_t given =
      with_state(word, pass ? VerdictState::kPassed : VerdictState::kVetoed);
  if (!verdict->word.compare_exchange_strong(word, given, std::memory_order_seq_cst)) {
    return Status::kNotOwner;
  }
  ring_ingress(*segment, lane);
  return Status::kOk;
}

VerdictView read_verdict(const Segment& segment, uint32_t stream, uint32_t observer) {
  const Verdict& verdict = segment.stream(stream).verdicts[observer];
  const uint64_t word = verdict.word.load(std::memory_order_acquire);
  VerdictView view;
  view.state = state_of(word);
  view.attempt = static_cast<uint32_t>((word >> 16) & 0xFFFF);
  if ((word >> 8 & 0xFF) != 0) view.worker = holder_of(word);
  if (view.state == VerdictState::kVetoed) {
    view.status = verdict.status.load(std::memory_order_relaxed);
    const size_t length = std::min<size_t>(
        verdict.reason_length.load(std::memory_order_relaxed), sizeof verdict.reason);
    view.reason.assign(verdict.reason, length);
  }
  return view;
}

void reset_verdicts(const Segment& segment, uint32_t stream, uint64_t generation) {
  for (Verdict& verdict : segment.stream(stream).verdicts) {
    verdict.word.store(generation << 32, std::memory_order_relaxed);
  }
}

uint32_t orphan_verdicts(const Segment& segment, uint32_t stream, uint32_t worker) {
  uint32_t count = 0;
  for (Verdict& verdict : segment.stream(stream).verdicts) {
    uint64_t word = verdict.word.load(std::memory_order_acquire);
    if (state_of(word) != VerdictState::kHeld || holder_of(word) != worker) continue;
    const uint64_t attempt = ((word >> 16) + 1) & 0xFFFF;
    const uint64_t next = word >> 32 << 32 | attempt << 16;
    if (verdict.word.compare_exchange_strong(word, next, std::memory_order_seq_cst)) count++;
  }
  return count;
}

}  // namespace ur
