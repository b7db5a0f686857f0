// Who is told of a stream, and how a worker says that it wants to be.
#include "claim.h"
#include "doorbell.h"
#include "ingress.h"

namespace ur {
namespace {

constexpr uint64_t kRowMask = 0x7FFFFFFFFFFFFFFFULL;

uint32_t waiting_load(const Segment& segment, uint32_t worker) {
  const WorkerRow& row = segment.worker(worker);
  return row.in_flight.load(std::memory_order_relaxed);
}

}  // namespace

void Ingress::announce(uint64_t stream_id) {
  const uint32_t stream = stream_index(stream_id);
  SegmentHeader& header = segment_->header();
  ring_all(*segment_, header.observers_waiting.load(std::memory_order_seq_cst) & kRowMask, stream);
  const uint64_t waiting =
      header.responders_waiting.load(std::memory_order_seq_cst) & kRowMask;
  if (waiting == 0) return;
  turn_ = (turn_ + 1) % 63;
  uint32_t best = kNoIndex;
  for (uint32_t i = 0; i < 63; i++) {
    const uint32_t worker = (turn_ + i) % 63;
    if ((waiting >> worker & 1) == 0 || !segment_->has_worker(worker)) continue;
    if (best == kNoIndex || waiting_load(*segment_, worker) < waiting_load(*segment_, best)) {
      best = worker;
    }
  }
  if (best != kNoIndex) ring(*segment_, best, stream);
}

void Ingress::announce_all(uint64_t stream_id) {
  const uint32_t stream = stream_index(stream_id);
  SegmentHeader& header = segment_->header();
  ring_all(*segment_,
           (header.observers_waiting.load(std::memory_order_seq_cst) |
            header.responders_waiting.load(std::memory_order_seq_cst)) &
               kRowMask,
           stream);
}

std::vector<uint64_t> list_streams(const Segment& segment, bool unclaimed_only) {
  std::vector<uint64_t> ids;
  for (uint32_t s = 0; s < segment.geometry().stream_count; s++) {
    const uint64_t state = segment.stream(s).state.load(std::memory_order_acquire);
    if (stream_state(state) != StreamState::kOpen) continue;
    const LaneRef request = segment.lane_at(s, kRequestLane);
    if (request.control->last.load(std::memory_order_acquire) == 0) continue;
    const LaneRef response = segment.lane_at(s, kResponseLane);
    if (unclaimed_only && (claim_owner(response).worker != kNoIndex ||
                           response.control->last.load(std::memory_order_acquire) != 0)) {
      continue;
    }
    ids.push_back(make_stream_id(request.generation, s));
  }
  return ids;
}

void pass_on(const Segment& segment, uint64_t stream_id) {
  const uint32_t stream = stream_index(stream_id);
  if (!segment.has_stream(stream)) return;
  ring_all(segment,
           segment.header().responders_waiting.load(std::memory_order_seq_cst) & kRowMask &
               ~segment.self_bit(),
           stream);
}

void wait_for_streams(const Segment& segment, uint32_t role, bool on) {
  SegmentHeader& header = segment.header();
  for (auto [bit, word] : {std::pair{kRoleResponder, &header.responders_waiting},
                           std::pair{kRoleObserver, &header.observers_waiting}}) {
    if ((role & bit) == 0) continue;
    if (on) {
      word->fetch_or(segment.self_bit(), std::memory_order_seq_cst);
    } else {
      word->fetch_and(~segment.self_bit(), std::memory_order_seq_cst);
    }
  }
}

}  // namespace ur
