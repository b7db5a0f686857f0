#include "recovery.h"

#include "claim.h"
#include "clock.h"
#include "doorbell.h"
#include "lane_reader.h"
#include "verdict.h"

namespace ur {
namespace {

// A claim's holder can have torn one slot only: the one after `last`. It was never published.
void recover_claim(const LaneRef& lane, uint32_t worker, RecoveryReport* report) {
  if (lane.lane == kRequestLane) return;  // the ingress's, whatever the word says
  uint64_t word = lane.control->claim.load(std::memory_order_acquire);
  if ((word & kClaimOrphan) != 0 || (word & 0xFF) != worker + 1) return;
  const uint64_t last = lane.control->last.load(std::memory_order_acquire);
  SlotHeader& header = lane.header(last + 1);
  if ((header.pins.load(std::memory_order_acquire) & kWriterBit) != 0) {
    header.seq.store(0, std::memory_order_relaxed);
    header.pins.fetch_and(~kWriterBit, std::memory_order_release);
    report->torn_slots++;
  }
  report->claims++;
  if (lane.lane == kResponseLane) {
    lane.control->claim.compare_exchange_strong(word, word | kClaimOrphan,
                                                std::memory_order_seq_cst);
    return;
  }
  // A stage lane has no ingress that decides: what nobody has seen another may write, the rest failed.
  if (last != 0) {
    lane.control->failure.store(
        static_cast<uint32_t>(-static_cast<int32_t>(Status::kWorkerDied)),
        std::memory_order_seq_cst);
  }
  const uint64_t attempt = ((word >> 16) + 1) & 0xFFFF;
  lane.control->claim.compare_exchange_strong(word, word >> 32 << 32 | attempt << 16,
                                              std::memory_order_seq_cst);
}

void recover_lane(const Segment& segment, const LaneRef& lane, uint32_t worker,
                  RecoveryReport* report) {
  const uint64_t bit = 1ULL << worker;
  for (uint32_t r = 0; r < lane.reader_count; r++) {
    ReaderWord& word = lane.control->readers[r];
    const uint64_t owner = word.owner.load(std::memory_order_acquire);
    if (reader_state(owner) != ReaderState::kFree && reader_worker(owner) == worker &&
        evict_reader(&word, owner)) {
      report->readers++;
    }
  }
  for (uint32_t s = 0; s < lane.slots; s++) {
    AtomicU64& pins = lane.headers[s].pins;
    if ((pins.load(std::memory_order_acquire) & bit) != 0) {
      pins.fetch_and(~bit, std::memory_order_seq_cst);
      report->pins++;
    }
  }
  recover_claim(lane, worker, report);
  lane.control->parked.fetch_and(~bit, std::memory_order_seq_cst);
  // It may have died between publishing (or acknowledging) and ringing; or while it rang, when the
  // parked bits were taken already.
  ring_lane(segment, lane);
  ring_holders(segment, lane);
}

// Of a reader that the dead ingress was taking a place from, whoever it is.
void finish_evictions(const Segment& segment, uint32_t stream) {
  for (uint32_t l = 0; l < segment.pool_of(stream).lanes_per_stream; l++) {
    const LaneRef lane = segment.lane_at(stream, l);
    for (uint32_t r = 0; r < lane.reader_count; r++) {
      ReaderWord& word = lane.control->readers[r];
      const uint64_t owner = word.owner.load(std::memory_order_acquire);
      if (reader_state(owner) == ReaderState::kEvicting) evict_reader(&word, owner);
    }
  }
}

// Of a stream that the dead opened: nobody writes its request or passes its response on any more. The
// arbiter's process inherits it, because the places of closing streams are freed by whom `ingress` names.
void end_stream(const Segment& segment, uint32_t index, uint32_t worker, RecoveryReport* report) {
  StreamRow& row = segment.stream(index);
  uint64_t state = row.state.load(std::memory_order_seq_cst);
  if (stream_state(state) == StreamState::kFree) return;
  const uint64_t generation = state_generation(state);
  if (stream_state(state) == StreamState::kOpening) {
    // Nobody has a handle yet; what it has reset, the next one resets again.
    if (state_opener(state) == worker) {
      row.state.compare_exchange_strong(state, state_word(generation, StreamState::kFree),
                                        std::memory_order_seq_cst);
    }
    return;
  }
  if (row.ingress.load(std::memory_order_seq_cst) != worker) return;
  uint32_t none = 0;
  row.abort.compare_exchange_strong(
      none, static_cast<uint32_t>(-static_cast<int32_t>(Status::kIngressDied)),
      std::memory_order_seq_cst);
  row.state.compare_exchange_strong(state, state_word(generation, StreamState::kClosing),
                                    std::memory_order_seq_cst);
  finish_evictions(segment, index);
  const LaneRef request = segment.lane_at(index, kRequestLane);
  for (uint32_t s = 0; s < request.slots; s++) {
    SlotHeader& header = request.headers[s];
    if ((header.pins.load(std::memory_order_acquire) & kWriterBit) == 0) continue;
    header.seq.store(0, std::memory_order_relaxed);
    header.pins.fetch_and(~kWriterBit, std::memory_order_release);
    report->torn_slots++;
  }
  row.ingress.store(segment.self(), std::memory_order_seq_cst);
  report->streams.push_back(make_stream_id(generation, index));
}

}  // namespace

RecoveryReport recover_worker(const Segment& segment, uint32_t worker) {
  const uint64_t began = monotonic_ns();
  RecoveryReport report;
  WorkerRow& row = segment.worker(worker);
  const uint64_t generation = row.owner.load(std::memory_order_acquire) >> 8;
  row.owner.store(generation << 8 | static_cast<uint64_t>(WorkerState::kDead),
                  std::memory_order_seq_cst);
  SegmentHeader& header = segment.header();
  header.responders_waiting.fetch_and(~(1ULL << worker), std::memory_order_seq_cst);
  header.observers_waiting.fetch_and(~(1ULL << worker), std::memory_order_seq_cst);
  for (uint32_t s = 0; s < segment.geometry().stream_count; s++) {
    StreamRow& stream = segment.stream(s);
    end_stream(segment, s, worker, &report);
    const uint64_t state = stream.state.load(std::memory_order_acquire);
    // The response lane after the stages: as soon as its claim is an orphan the ingress may re-queue.
    for (uint32_t l = segment.pool_of(s).lanes_per_stream; l > 0; l--) {
      recover_lane(segment, segment.lane_at(s, l - 1), worker, &report);
    }
    report.verdicts += orphan_verdicts(segment, s, worker);
    if (stream_state(state) != StreamState::kFree) {
      ring(segment, stream.ingress.load(std::memory_order_relaxed), s);
    }
  }
  for (uint32_t i = 0; i < segment.geometry().signal_words; i++) {
    segment.signals(worker)[i].store(0, std::memory_order_relaxed);
  }
  row.in_flight.store(0, std::memory_order_relaxed);
  row.owner.store((generation + 1) << 8 | static_cast<uint64_t>(WorkerState::kFree),
                  std::memory_order_seq_cst);
  report.duration_ns = monotonic_ns() - began;
  return report;
}

}  // namespace ur
