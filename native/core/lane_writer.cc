#include "lane_writer.h"

#include <algorithm>
#include <cstring>

#include "clock.h"
#include "doorbell.h"
#include "hash.h"
#include "lane_reader.h"
#include "shared_copy.h"

namespace ur {
namespace {

// Differs from every other one for minutes, whoever drew it.
uint32_t new_ticket() { return static_cast<uint32_t>(monotonic_ns() >> 6) | 1; }

}  // namespace

Status LaneWriter::open(Segment* segment, const LaneRef& lane, uint64_t token) {
  const uint64_t last = lane.control->last.load(std::memory_order_acquire);
  if (last > kCursorMask) return Status::kSegmentCorrupt;
  segment_ = segment;
  lane_ = lane;
  token_ = token;
  last_ = rung_ = last;
  slowest_ = 0;
  slot_ = nullptr;
  fill_ = 0;
  keyframe_ = false;
  ended_ = false;
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

// A gating reader that has not acknowledged slot id - N, or no reader at all, means full. This look is
// never spared: a late reader may join in the past.
Status LaneWriter::find_room(uint64_t id, uint64_t* slowest) const {
  if (id <= lane_.slots) return Status::kOk;
  const uint64_t overwritten = id - lane_.slots;
  uint64_t least = kCursorMask;
  bool any = false;
  for (uint32_t i = 0; i < lane_.reader_count; i++) {
    const ReaderWord& word = lane_.control->readers[i];
    const uint64_t owner = word.owner.load(std::memory_order_seq_cst);
    if (reader_state(owner) != ReaderState::kActive) continue;
    any = true;
    const uint64_t cursor = word.cursor.load(std::memory_order_seq_cst) & kCursorMask;
    if (cursor < overwritten) return Status::kFull;
    least = std::min(least, cursor);
  }
  if (!any) return Status::kFull;
  *slowest = least;
  return Status::kOk;
}

// Takes the lock of slot `id`, which nobody who joins from now on may count on.
Status LaneWriter::lock_slot(uint64_t id) {
  // Pairs with LaneReader::join, which becomes active and then looks at `intent`.
  lane_.control->intent.store(id, std::memory_order_seq_cst);
  Status status = find_room(id, &slowest_);
  uint64_t unlocked = 0;
  if (status == Status::kOk && !lane_.header(id).pins.compare_exchange_strong(
                                   unlocked, kWriterBit, std::memory_order_acq_rel)) {
    status = Status::kPinned;
  }
  if (status != Status::kOk) {
    // Slot id - N stays after all: who joins now may still have it.
    lane_.control->intent.store(last_, std::memory_order_seq_cst);
    slowest_ = 0;
  }
  return status;
}

Status LaneWriter::reserve(uint8_t** data) {
  Status status = fill_ == 0 ? Status::kOk : flush();
  return status == Status::kOk ? open_slot(data) : status;
}

Status LaneWriter::open_slot(uint8_t** data) {
  Status status = ready();
  if (status != Status::kOk) return status;
  if (slot_ == nullptr) {
    const uint64_t id = last_ + 1;
    // A lane that is full is seen to be full without a word to those who join meanwhile.
    if (id > lane_.slots && slowest_ < id - lane_.slots) {
      status = find_room(id, &slowest_);
      if (status != Status::kOk) {
        slowest_ = 0;
        return status;
      }
    }
    status = lock_slot(id);
    if (status != Status::kOk) return status;
    SlotHeader& header = lane_.header(id);
    // An exchange and not a store with a fence: non-temporal stores into the slot would pass those.
    // Pairs with copy_slot, which looks at `seq` before and after.
    header.seq.exchange(2 * id + 1, std::memory_order_acq_rel);
    slot_ = lane_.slot_data(id);
    fill_ = 0;
    in_place_ = false;
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
  const bool keyframe = keyframe_ && (flags & kSlotBody) != 0;
  header.keyframe.store(keyframe ? id : 0, std::memory_order_relaxed);
  header.seq.store(2 * id, std::memory_order_release);
  header.pins.fetch_and(~kWriterBit, std::memory_order_release);
  lane_.control->last.store(id, std::memory_order_release);  // pairs with every reader's acquire
  if (keyframe) {
    lane_.control->keyframe.store(id, std::memory_order_release);  // pairs with newest_keyframe
    keyframe_ = false;
  }
  last_ = id;
  slot_ = nullptr;
  fill_ = 0;
  ended_ = (flags & kSlotEnd) != 0;
}

void LaneWriter::publish_open_slot() {
  publish(fill_, kSlotBody, in_place_ ? xxh3_64(slot_, fill_) : fill_hash_.digest());
}

void LaneWriter::ring_readers() {
  if (rung_ == last_) return;
  rung_ = last_;
  // The full barrier between `last` and `parked`; pairs with LaneReader::park.
  lane_.control->wake.fetch_add(1, std::memory_order_seq_cst);
  if (lane_.control->parked.load(std::memory_order_seq_cst) != 0) {
    ring_all(*segment_, lane_.control->parked.exchange(0, std::memory_order_seq_cst),
             lane_.stream);
  }
}

Status LaneWriter::commit(uint32_t length, uint32_t flags) {
  if (slot_ == nullptr) return Status::kInvalidArgument;
  if (length > lane_.slot_size) return Status::kSlotTooLarge;
  if ((length == 0) != ((flags & kSlotEnd) != 0)) return Status::kInvalidArgument;
  Status status = ready();
  if (status != Status::kOk) return status;
  publish(length, flags, xxh3_64(slot_, length));
  ring_readers();
  return Status::kOk;
}

Status LaneWriter::append(const uint8_t* data, uint64_t length, uint64_t* taken) {
  *taken = 0;
  const uint64_t burst = std::max<uint64_t>(1, lane_.slots / 4);
  while (*taken < length) {
    uint8_t* slot = nullptr;
    Status status = open_slot(&slot);
    if (status != Status::kOk) {
      ring_readers();
      return status == Status::kFull || status == Status::kPinned ? Status::kOk : status;
    }
    const uint64_t rest = length - *taken;
    const uint32_t part =
        static_cast<uint32_t>(std::min<uint64_t>(rest, lane_.slot_size - fill_));
    if (fill_ == 0 && part == lane_.slot_size) {
      publish(part, kSlotBody, copy_and_hash(slot, data + *taken, part, true));
    } else {
      if (fill_ == 0) fill_hash_.reset();
      if (in_place_) {
        std::memcpy(slot + fill_, data + *taken, part);
      } else {
        fill_hash_.copy(slot + fill_, data + *taken, part);
      }
      fill_ += part;
      if (fill_ == lane_.slot_size) publish_open_slot();
    }
    *taken += part;
    if (last_ - rung_ >= burst) ring_readers();
  }
  return Status::kOk;
}

Status LaneWriter::open_rest(uint32_t least, uint8_t** data, uint32_t* size) {
  if (slot_ != nullptr && fill_ != 0 && lane_.slot_size - fill_ < least) {
    const Status status = ready();
    if (status != Status::kOk) return status;
    publish_open_slot();
  }
  uint8_t* slot = nullptr;
  const Status status = open_slot(&slot);
  if (status != Status::kOk) {
    ring_readers();
    return status;
  }
  if (lane_.slot_size < least) return Status::kSlotTooLarge;
  *data = slot + fill_;
  *size = lane_.slot_size - fill_;
  return Status::kOk;
}

Status LaneWriter::filled(uint32_t length) {
  if (slot_ == nullptr || length > lane_.slot_size - fill_) return Status::kInvalidArgument;
  if (length == 0) return Status::kOk;
  in_place_ = true;
  fill_ += length;
  if (fill_ == lane_.slot_size) publish_open_slot();
  if (last_ - rung_ >= std::max<uint64_t>(1, lane_.slots / 4)) ring_readers();
  return Status::kOk;
}

Status LaneWriter::flush() {
  if (slot_ != nullptr && fill_ != 0) {
    Status status = ready();
    if (status != Status::kOk) return status;
    publish_open_slot();
  }
  if (segment_ != nullptr) ring_readers();
  return Status::kOk;
}

Status LaneWriter::write(const uint8_t* data, uint32_t length, uint32_t flags) {
  if (length > lane_.slot_size) return Status::kSlotTooLarge;
  if ((length == 0) != ((flags & kSlotEnd) != 0)) return Status::kInvalidArgument;
  Status status = flush();
  if (status != Status::kOk) return status;
  uint8_t* slot = nullptr;
  status = open_slot(&slot);
  if (status != Status::kOk) return status;
  publish(length, flags, copy_and_hash(slot, data, length, true));
  ring_readers();
  return Status::kOk;
}

Status LaneWriter::begin_keyframe(const uint8_t* head, uint32_t length) {
  keyframe_ = false;
  const Status status = head == nullptr ? flush() : write(head, length, kSlotControl);
  keyframe_ = status == Status::kOk;
  return status;
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
  lane_.control->writer_parked.store(new_ticket(), std::memory_order_seq_cst);
  const uint64_t id = last_ + 1;
  uint64_t slowest = 0;
  if (find_room(id, &slowest) != Status::kOk ||
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
  ring_readers();
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
