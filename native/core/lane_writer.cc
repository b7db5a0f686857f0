#include "lane_writer.h"

#include <algorithm>
#include <cstring>

#include "clock.h"
#include "doorbell.h"
#include "hash.h"
#include "lane_reader.h"

namespace ur {

Status LaneWriter::open(Segment* segment, const LaneRef& lane, uint64_t token) {
  const uint64_t last = lane.control->last.load(std::memory_order_acquire);
  if (last > kCursorMask) return Status::kSegmentCorrupt;
  segment_ = segment;
  lane_ = lane;
  token_ = token;
  last_ = last;
  slot_ = nullptr;
  fill_ = 0;
  ended_ = false;
  bypass_cache_ = uint64_t{lane.slots} * lane.slot_stride > cache_bypass_bytes();
  return Status::kOk;
}

Status LaneWriter::ready() const {
  if (segment_ == nullptr) return Status::kDetached;
  if (ended_) return Status::kLaneEnded;
  if (token_ != 0 && lane_.control->claim.load(std::memory_order_relaxed) != token_) {
    return Status::kNotOwner;
  }
  return stream_status(lane_);
}

// A gating reader that has not acknowledged slot id - N, or no reader at all, means full. The minimum
// is never cached: a late reader may join in the past.
Status LaneWriter::find_room(uint64_t id) const {
  if (id <= lane_.slots) return Status::kOk;
  const uint64_t overwritten = id - lane_.slots;
  bool any = false;
  for (uint32_t i = 0; i < lane_.reader_count; i++) {
    const ReaderWord& word = lane_.control->readers[i];
    const uint64_t owner = word.owner.load(std::memory_order_seq_cst);
    if (reader_state(owner) != ReaderState::kActive) continue;
    any = true;
    if ((word.cursor.load(std::memory_order_seq_cst) & kCursorMask) < overwritten) {
      return Status::kFull;
    }
  }
  return any ? Status::kOk : Status::kFull;
}

Status LaneWriter::reserve(uint8_t** data) {
  Status status = ready();
  if (status != Status::kOk) return status;
  if (slot_ == nullptr) {
    const uint64_t id = last_ + 1;
    // Pairs with LaneReader::join, which becomes active and then looks at `intent`.
    lane_.control->intent.store(id, std::memory_order_seq_cst);
    status = find_room(id);
    if (status != Status::kOk) return status;
    SlotHeader& header = lane_.header(id);
    uint64_t unlocked = 0;
    if (!header.pins.compare_exchange_strong(unlocked, kWriterBit, std::memory_order_acq_rel)) {
      return Status::kPinned;
    }
#if defined(__SANITIZE_THREAD__)
    header.seq.exchange(2 * id + 1, std::memory_order_acq_rel);  // the detector knows no fences
#else
    header.seq.store(2 * id + 1, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_release);  // pairs with copy_slot's acquire fence
#endif
    slot_ = lane_.slot_data(id);
    fill_ = 0;
  }
  *data = slot_;
  return Status::kOk;
}

void LaneWriter::publish(uint32_t length, uint32_t flags, uint64_t hash) {
  const uint64_t id = last_ + 1;
  SlotHeader& header = lane_.header(id);
  header.length.store(length, std::memory_order_relaxed);
  header.flags.store(flags, std::memory_order_relaxed);
  header.xxh3.store(hash, std::memory_order_relaxed);
  header.timestamp_ns.store(monotonic_ns(), std::memory_order_relaxed);
  header.seq.store(2 * id, std::memory_order_release);
  header.pins.fetch_and(~kWriterBit, std::memory_order_release);
  lane_.control->last.store(id, std::memory_order_release);  // pairs with every reader's acquire
  last_ = id;
  slot_ = nullptr;
  fill_ = 0;
  lane_.control->wake.fetch_add(1, std::memory_order_seq_cst);
  if (lane_.control->parked.load(std::memory_order_seq_cst) != 0) {
    ring_all(*segment_, lane_.control->parked.exchange(0, std::memory_order_seq_cst),
             lane_.stream);
  }
}

Status LaneWriter::commit(uint32_t length, uint32_t flags) {
  if (slot_ == nullptr) return Status::kInvalidArgument;
  if (length > lane_.slot_size) return Status::kSlotTooLarge;
  if (length == 0 && (flags & kSlotEnd) == 0) return Status::kInvalidArgument;
  Status status = ready();
  if (status != Status::kOk) return status;
  publish(length, flags, xxh3_64(slot_, length));
  return Status::kOk;
}

Status LaneWriter::append(const uint8_t* data, uint64_t length, uint64_t* taken) {
  *taken = 0;
  while (*taken < length) {
    uint8_t* slot = nullptr;
    Status status = reserve(&slot);
    if (status == Status::kFull || status == Status::kPinned) return Status::kOk;
    if (status != Status::kOk) return status;
    const uint64_t rest = length - *taken;
    const uint32_t part =
        static_cast<uint32_t>(std::min<uint64_t>(rest, lane_.slot_size - fill_));
    if (fill_ == 0 && part == lane_.slot_size) {
      publish(part, kSlotBody, copy_and_hash(slot, data + *taken, part, bypass_cache_));
    } else {
      std::memcpy(slot + fill_, data + *taken, part);
      fill_ += part;
      if (fill_ == lane_.slot_size) publish(fill_, kSlotBody, xxh3_64(slot, fill_));
    }
    *taken += part;
  }
  return Status::kOk;
}

Status LaneWriter::flush() {
  if (slot_ == nullptr || fill_ == 0) return Status::kOk;
  return commit(fill_, kSlotBody);
}

Status LaneWriter::write(const uint8_t* data, uint32_t length, uint32_t flags) {
  if (length > lane_.slot_size) return Status::kSlotTooLarge;
  if (length == 0 && (flags & kSlotEnd) == 0) return Status::kInvalidArgument;
  Status status = flush();
  if (status != Status::kOk) return status;
  uint8_t* slot = nullptr;
  status = reserve(&slot);
  if (status != Status::kOk) return status;
  publish(length, flags, copy_and_hash(slot, data, length, bypass_cache_));
  if ((flags & kSlotEnd) != 0) ended_ = true;
  return Status::kOk;
}

Status LaneWriter::end() {
  static const uint8_t kNothing = 0;
  return write(&kNothing, 0, kSlotEnd);
}

Status LaneWriter::park() {
  Status status = ready();
  if (status != Status::kOk) return status;
  if (slot_ != nullptr) return Status::kOk;
  // Pairs with ring_writer: who acknowledges or unpins does that first and then looks at this word.
  lane_.control->writer_parked.store(1, std::memory_order_seq_cst);
  const uint64_t id = last_ + 1;
  if (find_room(id) != Status::kOk ||
      lane_.header(id).pins.load(std::memory_order_seq_cst) != 0) {
    return ready() == Status::kOk ? Status::kFull : ready();
  }
  lane_.control->writer_parked.store(0, std::memory_order_relaxed);
  return Status::kOk;
}

uint64_t LaneWriter::blockers() const {
  if (segment_ == nullptr) return 0;
  const uint64_t id = last_ + 1;
  uint64_t workers = lane_.header(id).pins.load(std::memory_order_relaxed) & ~kWriterBit;
  for (uint32_t i = 0; id > lane_.slots && i < lane_.reader_count; i++) {
    const ReaderWord& word = lane_.control->readers[i];
    const uint64_t owner = word.owner.load(std::memory_order_acquire);
    if (reader_state(owner) == ReaderState::kActive && segment_->has_worker(reader_worker(owner)) &&
        (word.cursor.load(std::memory_order_acquire) & kCursorMask) < id - lane_.slots) {
      workers |= 1ULL << reader_worker(owner);
    }
  }
  return workers;
}

void LaneWriter::drop_open_slot() {
  if (slot_ == nullptr) return;
  SlotHeader& header = lane_.header(last_ + 1);
  header.seq.store(0, std::memory_order_relaxed);
  header.pins.fetch_and(~kWriterBit, std::memory_order_release);
  slot_ = nullptr;
  fill_ = 0;
}

Status LaneWriter::fail(Status status) {
  if (segment_ == nullptr) return Status::kDetached;
  const int32_t number = -static_cast<int32_t>(status);
  if (number <= 0) return Status::kInvalidArgument;
  if (token_ != 0 && lane_.control->claim.load(std::memory_order_relaxed) != token_) {
    return Status::kNotOwner;
  }
  drop_open_slot();
  lane_.control->failure.store(static_cast<uint32_t>(number), std::memory_order_seq_cst);
  ring_lane(*segment_, lane_);
  ring_ingress(*segment_, lane_);
  return Status::kOk;
}

Status LaneWriter::release() {
  if (segment_ == nullptr) return Status::kOk;
  Segment* segment = segment_;
  segment_ = nullptr;
  if (token_ == 0) {
    drop_open_slot();
    return Status::kOk;
  }
  uint64_t held = token_;
  if (lane_.control->claim.load(std::memory_order_relaxed) != held) return Status::kNotOwner;
  drop_open_slot();
  const uint64_t attempt = ((held >> 16) + 1) & 0xFFFF;
  const uint64_t next = held >> 32 << 32 | attempt << 16;
  const bool given = lane_.control->claim.compare_exchange_strong(held, next,
                                                                  std::memory_order_seq_cst);
  ring_lane(*segment, lane_);
  ring_ingress(*segment, lane_);
  return given ? Status::kOk : Status::kNotOwner;
}

}  // namespace ur
