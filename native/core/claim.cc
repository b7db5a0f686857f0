#include "claim.h"

#include "doorbell.h"
#include "lane_reader.h"

namespace ur {

Status claim_lane(Segment* segment, const LaneRef& lane, uint64_t* token) {
  if (lane.lane == kRequestLane) return Status::kInvalidArgument;
  Status status = stream_status(lane);
  if (status != Status::kOk) return status;
  uint64_t word = lane.control->claim.load(std::memory_order_acquire);
  if (word >> 32 != lane.generation) return Status::kStaleStream;
  // A lane that somebody began to write, or gave up, cannot be continued by another.
  if ((word & 0xFFFF) != 0 || lane.control->last.load(std::memory_order_acquire) != 0 ||
      lane.control->failure.load(std::memory_order_acquire) != 0) {
    return Status::kAlreadyClaimed;
  }
  const uint64_t mine = word | (segment->self() + 1);
  if (!lane.control->claim.compare_exchange_strong(word, mine, std::memory_order_acq_rel)) {
    return Status::kAlreadyClaimed;
  }
  // Goes out with the first publication, or with the failure.
  lane.control->claimant.store(segment->self() + 1, std::memory_order_relaxed);
  status = stream_status(lane);
  if (status != Status::kOk) {
    uint64_t held = mine;
    lane.control->claim.compare_exchange_strong(held, word, std::memory_order_seq_cst);
    ring_ingress(*segment, lane);
    return status;
  }
  *token = mine;
  return Status::kOk;
}

ClaimOwner claim_owner(const LaneRef& lane) {
  const uint64_t word = lane.control->claim.load(std::memory_order_acquire);
  ClaimOwner owner;
  owner.attempt = static_cast<uint32_t>((word >> 16) & 0xFFFF);
  owner.orphan = (word & kClaimOrphan) != 0;
  if ((word & 0xFF) != 0) owner.worker = static_cast<uint32_t>(word & 0xFF) - 1;
  return owner;
}

namespace {

void clear_slots(const LaneRef& lane) {
  for (uint32_t i = 0; i < lane.slots; i++) {
    lane.headers[i].seq.store(0, std::memory_order_relaxed);
  }
  lane.control->intent.store(0, std::memory_order_relaxed);
  lane.control->keyframe.store(0, std::memory_order_relaxed);
  lane.control->last.store(0, std::memory_order_relaxed);
  lane.control->writer_parked.store(0, std::memory_order_relaxed);
  lane.control->failure.store(0, std::memory_order_relaxed);
}

// Whoever has read of one attempt must not take the next one's slots for its continuation.
void evict_readers(Segment* segment, const LaneRef& lane) {
  for (uint32_t r = 0; r < lane.reader_count; r++) {
    ReaderWord& reader = lane.control->readers[r];
    const uint64_t owner = reader.owner.load(std::memory_order_acquire);
    if (reader_state(owner) != ReaderState::kActive || !evict_reader(&reader, owner)) continue;
    ring(*segment, reader_worker(owner), lane.stream);
  }
}

// A stage whose writer died with it half written belongs to the attempt that failed.
void restart_failed_stage(Segment* segment, const LaneRef& lane) {
  const uint64_t word = lane.control->claim.load(std::memory_order_acquire);
  if ((word & 0xFF) != 0 || lane.control->failure.load(std::memory_order_acquire) == 0) return;
  evict_readers(segment, lane);
  clear_slots(lane);
  const uint64_t attempt = ((word >> 16) + 1) & 0xFFFF;
  lane.control->claim.store(lane.generation << 32 | attempt << 16, std::memory_order_seq_cst);
  ring_lane(*segment, lane);
}

}  // namespace

Status requeue_lane(Segment* segment, const LaneRef& lane) {
  const uint64_t word = lane.control->claim.load(std::memory_order_acquire);
  if (word >> 32 != lane.generation || (word & kClaimOrphan) == 0) return Status::kNotOwner;
  for (uint32_t l = kFirstStageLane; l < segment->pool_of(lane.stream).lanes_per_stream; l++) {
    restart_failed_stage(segment, segment->lane_at(lane.stream, l));
  }
  evict_readers(segment, lane);
  clear_slots(lane);
  const uint64_t attempt = ((word >> 16) + 1) & 0xFFFF;
  lane.control->claim.store(lane.generation << 32 | attempt << 16, std::memory_order_seq_cst);
  ring_lane(*segment, lane);
  return Status::kOk;
}

void reset_lane(const LaneRef& lane) {
  clear_slots(lane);
  lane.control->parked.store(0, std::memory_order_relaxed);
  lane.control->claimant.store(0, std::memory_order_relaxed);
  lane.control->claim.store(lane.generation << 32, std::memory_order_release);
}

}  // namespace ur
