#include "doorbell.h"

#include "futex.h"
#include "lane_reader.h"

namespace ur {
namespace {

void signal(const Segment& segment, uint32_t worker, uint32_t stream) {
  segment.signals(worker)[stream / 64].fetch_or(1ULL << (stream % 64), std::memory_order_seq_cst);
}

void press(WorkerRow& row) {
  // Pairs with Doorbell::wait: the sleeper sets `asleep`, then looks at `doorbell`.
  row.doorbell.fetch_add(1, std::memory_order_seq_cst);
  if (row.asleep.load(std::memory_order_seq_cst) != 0 &&
      row.asleep.exchange(0, std::memory_order_seq_cst) != 0) {
    futex_wake(&row.doorbell);
  }
}

}  // namespace

void ring(const Segment& segment, uint32_t worker, uint32_t stream) {
  if (!segment.has_worker(worker) || !segment.has_stream(stream)) return;
  signal(segment, worker, stream);
  press(segment.worker(worker));
}

void ring_plain(const Segment& segment, uint32_t worker) { press(segment.worker(worker)); }

void ring_all(const Segment& segment, uint64_t workers, uint32_t stream) {
  for (uint64_t rest = workers; rest != 0; rest &= rest - 1) {
    ring(segment, static_cast<uint32_t>(__builtin_ctzll(rest)), stream);
  }
}

void ring_ingress(const Segment& segment, const LaneRef& lane) {
  ring(segment, lane.row->ingress.load(std::memory_order_relaxed), lane.stream);
}

void ring_writer(const Segment& segment, const LaneRef& lane) {
  // Pairs with LaneWriter::park, which sets the word and then looks at the cursors and pins.
  uint32_t ticket = lane.control->writer_parked.load(std::memory_order_seq_cst);
  if (ticket == 0) return;
  const uint64_t holder = lane.control->claim.load(std::memory_order_relaxed) & 0xFF;
  const uint32_t writer = lane.lane == kRequestLane
                              ? lane.row->ingress.load(std::memory_order_relaxed)
                              : static_cast<uint32_t>(holder) - 1;
  if (!segment.has_worker(writer)) return;
  // The signal stands before the word is taken: who is stopped or dies in between leaves it behind,
  // and the writer finds it when its sleep is over at the latest. The ticket keeps a ringer that went
  // on late from taking the word of a writer that has parked again.
  signal(segment, writer, lane.stream);
  if (lane.control->writer_parked.compare_exchange_strong(ticket, 0, std::memory_order_seq_cst)) {
    press(segment.worker(writer));
  }
}

void ring_lane(const Segment& segment, const LaneRef& lane) {
  // Pairs with LaneReader::park, which sets its bit and then looks at `last`.
  if (lane.control->parked.load(std::memory_order_seq_cst) != 0) {
    ring_all(segment, lane.control->parked.exchange(0, std::memory_order_seq_cst), lane.stream);
  }
  ring_writer(segment, lane);
}

void ring_holders(const Segment& segment, const LaneRef& lane) {
  const uint64_t holder = lane.control->claim.load(std::memory_order_acquire) & 0xFF;
  if (holder != 0) ring(segment, static_cast<uint32_t>(holder - 1), lane.stream);
  for (uint32_t r = 0; r < lane.reader_count; r++) {
    const uint64_t owner = lane.control->readers[r].owner.load(std::memory_order_acquire);
    if (reader_state(owner) != ReaderState::kFree) {
      ring(segment, reader_worker(owner), lane.stream);
    }
  }
}

uint32_t take_signals(const Segment& segment, uint32_t worker, uint32_t* out, uint32_t max) {
  AtomicU64* words = segment.signals(worker);
  uint32_t count = 0;
  for (uint32_t i = 0; i < segment.geometry().signal_words && count < max; i++) {
    if (words[i].load(std::memory_order_relaxed) == 0) continue;
    uint64_t bits = words[i].exchange(0, std::memory_order_seq_cst);
    for (; bits != 0 && count < max; bits &= bits - 1) {
      uint32_t stream = i * 64 + static_cast<uint32_t>(__builtin_ctzll(bits));
      if (segment.has_stream(stream)) out[count++] = stream;
    }
    if (bits != 0) words[i].fetch_or(bits, std::memory_order_seq_cst);
  }
  return count;
}

bool has_signals(const Segment& segment, uint32_t worker) {
  AtomicU64* words = segment.signals(worker);
  for (uint32_t i = 0; i < segment.geometry().signal_words; i++) {
    if (words[i].load(std::memory_order_relaxed) != 0) return true;
  }
  return false;
}

Doorbell::Doorbell(const Segment& segment, uint32_t worker)
    : segment_(segment),
      row_(segment.worker(worker)),
      worker_(worker),
      seen_(row_.doorbell.load(std::memory_order_seq_cst) - 1) {}

bool Doorbell::wait(uint64_t timeout_ns) {
  uint32_t now = row_.doorbell.load(std::memory_order_seq_cst);
  if (now == seen_) {
    row_.asleep.store(1, std::memory_order_seq_cst);
    if (row_.doorbell.load(std::memory_order_seq_cst) == seen_) {
      futex_wait(&row_.doorbell, seen_, timeout_ns);
    }
    row_.asleep.store(0, std::memory_order_seq_cst);
    now = row_.doorbell.load(std::memory_order_seq_cst);
  }
  bool rung = now != seen_;
  seen_ = now;
  return rung || has_signals(segment_, worker_);
}

}  // namespace ur
