#include "lane_reader.h"

#include <algorithm>

#include "doorbell.h"
#include "hash.h"
#include "shared_copy.h"

namespace ur {

Status LaneReader::join(Segment* segment, const LaneRef& lane, int64_t from) {
  Status status = stream_status(lane);
  if (status != Status::kOk) return status;
  const uint64_t free_word = lane.generation << 32;
  ReaderWord* word = nullptr;
  for (uint32_t i = 0; i < lane.reader_count && word == nullptr; i++) {
    uint64_t expected = free_word;
    ReaderWord& candidate = lane.control->readers[i];
    if (candidate.owner.load(std::memory_order_relaxed) == free_word &&
        candidate.owner.compare_exchange_strong(
            expected, reader_owner(lane.generation, segment->self(), ReaderState::kJoining),
            std::memory_order_acq_rel)) {
      word = &candidate;
    }
  }
  if (word == nullptr) return Status::kNoFreeReader;

  segment_ = mapped_ = segment;
  lane_ = lane;
  word_ = word;
  owner_ = reader_owner(lane.generation, segment->self(), ReaderState::kJoining);
  tag_ = ((word->cursor.load(std::memory_order_relaxed) >> 48) + 1) & 0xFFFF;
  const uint64_t last = lane.control->last.load(std::memory_order_acquire) & kCursorMask;
  const bool at_keyframe = from == kFromKeyframe;
  const bool never = lane.control->keyframe.load(std::memory_order_acquire) == 0;
  const uint64_t keyframe = at_keyframe ? newest_keyframe(lane) : 0;
  uint64_t wanted = from < 0 ? last : std::min(static_cast<uint64_t>(from), last);
  if (at_keyframe && never) wanted = 0;
  if (keyframe != 0) wanted = std::min(keyframe - 1, last);
  cursor_ = wanted;
  word->cursor.store(tag_ << 48 | cursor_, std::memory_order_seq_cst);
  uint64_t joining = owner_;
  const uint64_t active = reader_owner(lane.generation, segment->self(), ReaderState::kActive);
  // Pairs with the writer's scan: it stores `intent` and then looks at the owners.
  if (!word->owner.compare_exchange_strong(joining, active, std::memory_order_seq_cst)) {
    segment_ = nullptr;
    return Status::kStaleStream;
  }
  owner_ = active;
  const uint64_t intent = lane.control->intent.load(std::memory_order_seq_cst);
  if (intent > kCursorMask) {
    leave();
    return Status::kSegmentCorrupt;
  }
  if (intent > lane.slots && cursor_ < intent - lane.slots) {
    const uint64_t start = intent - lane.slots;
    uint64_t stored = tag_ << 48 | cursor_;
    if (!word->cursor.compare_exchange_strong(stored, tag_ << 48 | start,
                                              std::memory_order_seq_cst)) {
      segment_ = nullptr;
      return Status::kEvicted;
    }
    cursor_ = start;
  }
  gap_ = cursor_ - wanted;
  position_ = cursor_;
  awaits_keyframe_ = at_keyframe && !(never && cursor_ == 0);
  status = awaits_keyframe_ ? seek_keyframe() : Status::kOk;
  if (status == Status::kOk) status = stream_status(lane);
  if (status != Status::kOk) {
    leave();
    return status;
  }
  ring_writer(*segment, lane_);  // it may have waited for a first reader
  return Status::kOk;
}

// From here on nothing after the cursor is overwritten, so what is found stays.
Status LaneReader::seek_keyframe() {
  const uint64_t id = newest_keyframe(lane_);
  if (id <= cursor_) return Status::kOk;
  awaits_keyframe_ = false;
  position_ = id - 1;
  return position_ == cursor_ ? Status::kOk : ack(position_);
}

// Whatever is not body is for every reader: above all the end.
bool LaneReader::passes_over(uint64_t id) const {
  const SlotHeader& header = lane_.header(id);
  return awaits_keyframe_ && header.flags.load(std::memory_order_relaxed) == kSlotBody &&
         header.keyframe.load(std::memory_order_relaxed) != id;
}

bool LaneReader::evicted() const {
  return word_->owner.load(std::memory_order_acquire) != owner_ ||
         word_->cursor.load(std::memory_order_acquire) >> 48 != tag_;
}

uint64_t LaneReader::last() const {
  return segment_ == nullptr ? position_
                             : lane_.control->last.load(std::memory_order_acquire) & kCursorMask;
}

Status LaneReader::tail(SlotView* out, uint32_t max, uint32_t* count) {
  *count = 0;
  if (segment_ == nullptr) return Status::kDetached;
  const uint64_t newest = last();
  if (newest == position_) return Status::kOk;
  if (evicted()) return Status::kEvicted;
  if (newest < position_ || newest - cursor_ > lane_.slots) return Status::kSegmentCorrupt;
  const uint64_t before = position_;
  while (*count < max && position_ < newest) {
    const uint64_t id = position_ + 1;
    SlotHeader& header = lane_.header(id);
    if (header.seq.load(std::memory_order_acquire) != 2 * id) {
      return evicted() ? Status::kEvicted : Status::kSegmentCorrupt;
    }
    if (passes_over(id)) {
      if (*count > 0) break;
      position_ = id;
      continue;
    }
    SlotView& view = out[*count];
    view.id = id;
    view.length = header.length.load(std::memory_order_relaxed);
    view.flags = header.flags.load(std::memory_order_relaxed);
    if (view.length > lane_.slot_size) return Status::kSegmentCorrupt;
    view.data = lane_.slot_data(id);
    view.offset = static_cast<uint64_t>(view.data - segment_->base());
    position_ = id;
    (*count)++;
    if (view.flags == kSlotBody) awaits_keyframe_ = false;
  }
  const uint64_t passed = position_ - *count;
  // What nobody was shown must not make the writer wait.
  return passed > before && cursor_ == before ? ack(passed) : Status::kOk;
}

Status LaneReader::ack(uint64_t id) {
  if (segment_ == nullptr) return Status::kDetached;
  if (id > position_) return Status::kInvalidArgument;
  if (id <= cursor_) return Status::kOk;
  uint64_t stored = tag_ << 48 | cursor_;
  // The owner too: the tag has 16 bits and comes round.
  if (word_->owner.load(std::memory_order_relaxed) != owner_ ||
      !word_->cursor.compare_exchange_strong(stored, tag_ << 48 | id,
                                             std::memory_order_seq_cst)) {
    return Status::kEvicted;
  }
  cursor_ = id;
  ring_writer(*segment_, lane_);
  return Status::kOk;
}

Status LaneReader::pin(uint64_t id) {
  if (segment_ == nullptr) return Status::kDetached;
  if (id == 0 || id > kCursorMask) return Status::kLapped;
  SlotHeader& header = lane_.header(id);
  const auto set = [&] {
    const uint64_t before = header.pins.fetch_or(segment_->self_bit(), std::memory_order_seq_cst);
    // The bit stands before seq is read: the writer that comes now fails on it. A closed stream's
    // place may be free already, but for this bit.
    return (before & kWriterBit) == 0 &&
           header.seq.load(std::memory_order_seq_cst) == 2 * id && is_open(lane_);
  };
  return segment_->pins().pin(&header, set, [&] { clear_pin(header); }) ? Status::kOk
                                                                        : Status::kLapped;
}

void LaneReader::clear_pin(SlotHeader& header) {
  header.pins.fetch_and(~mapped_->self_bit(), std::memory_order_seq_cst);
  ring_writer(*mapped_, lane_);
  if (!is_open(lane_)) ring_ingress(*mapped_, lane_);
}

void LaneReader::unpin(uint64_t id) {
  if (mapped_ == nullptr) return;
  SlotHeader& header = lane_.header(id);
  mapped_->pins().unpin(&header, [&] { clear_pin(header); });
}

Status LaneReader::verify(uint64_t id) const {
  if (segment_ == nullptr) return Status::kDetached;
  if (id == 0 || id > kCursorMask) return Status::kLapped;
  SlotHeader& header = lane_.header(id);
  if (header.seq.load(std::memory_order_acquire) != 2 * id) return Status::kLapped;
  const uint32_t length = header.length.load(std::memory_order_relaxed);
  if (length > lane_.slot_size) return Status::kSegmentCorrupt;
  const uint64_t stored = header.xxh3.load(std::memory_order_relaxed);
  const bool equal = xxh3_64(lane_.slot_data(id), length) == stored;
  if (evicted()) return Status::kEvicted;
  return equal ? Status::kOk : Status::kHashMismatch;
}

Status LaneReader::park() {
  if (segment_ == nullptr) return Status::kDetached;
  if (last() > position_) return Status::kOk;
  return evicted() ? Status::kEvicted : watch_lane(*segment_, lane_, position_);
}

void LaneReader::leave() {
  if (segment_ == nullptr) return;
  // Only the holder of the current tag may free the word: an evicted reader's place can be another's.
  uint64_t stored = tag_ << 48 | cursor_;
  const uint64_t next = ((tag_ + 1) & 0xFFFF) << 48 | cursor_;
  if (word_->owner.load(std::memory_order_relaxed) == owner_ &&
      word_->cursor.compare_exchange_strong(stored, next, std::memory_order_seq_cst)) {
    uint64_t owner = owner_;
    word_->owner.compare_exchange_strong(owner, lane_.generation << 32, std::memory_order_seq_cst);
  }
  ring_writer(*segment_, lane_);
  if (!is_open(lane_)) ring_ingress(*segment_, lane_);
  segment_ = nullptr;
}

bool evict_reader(ReaderWord* word, uint64_t owner) {
  const uint64_t evicting = (owner & ~0xFFULL) | static_cast<uint64_t>(ReaderState::kEvicting);
  switch (reader_state(owner)) {
    case ReaderState::kFree:
      return false;
    case ReaderState::kActive:
      // Says what is going on, should this process die before the word is free.
      if (!word->owner.compare_exchange_strong(owner, evicting, std::memory_order_seq_cst)) {
        return false;
      }
      break;
    case ReaderState::kEvicting:
      break;
    default:
      return word->owner.compare_exchange_strong(owner, owner >> 32 << 32,
                                                 std::memory_order_seq_cst);
  }
  owner = evicting;
  uint64_t cursor = word->cursor.load(std::memory_order_seq_cst);
  // The tag first: from here on the reader's acknowledgements and its leave fail.
  for (;;) {
    if (word->owner.load(std::memory_order_seq_cst) != owner) return false;
    const uint64_t next = (((cursor >> 48) + 1) & 0xFFFF) << 48 | (cursor & kCursorMask);
    if (word->cursor.compare_exchange_weak(cursor, next, std::memory_order_seq_cst)) break;
  }
  return word->owner.compare_exchange_strong(owner, owner >> 32 << 32, std::memory_order_seq_cst);
}

namespace {

// A free place's slots may have no memory any more; reading them would give zeros.
bool holds_stream(const LaneRef& lane) {
  const uint64_t state = lane.row->state.load(std::memory_order_acquire);
  return state_generation(state) == lane.generation && stream_state(state) != StreamState::kFree;
}

}  // namespace

uint64_t newest_keyframe(const LaneRef& lane) {
  const uint64_t id = lane.control->keyframe.load(std::memory_order_acquire);
  const uint64_t last = lane.control->last.load(std::memory_order_acquire) & kCursorMask;
  if (id == 0 || id > last || !holds_stream(lane)) return 0;
  const SlotHeader& header = lane.header(id);
  const bool there = header.seq.load(std::memory_order_acquire) == 2 * id &&
                     header.keyframe.load(std::memory_order_relaxed) == id;
  return there ? id : 0;
}

Status watch_lane(const Segment& segment, const LaneRef& lane, uint64_t seen) {
  // Pairs with ring_lane: the bit stands before `last` is read.
  lane.control->parked.fetch_or(segment.self_bit(), std::memory_order_seq_cst);
  if ((lane.control->last.load(std::memory_order_seq_cst) & kCursorMask) > seen) {
    return Status::kOk;
  }
  const Status status = stream_status(lane);
  if (status != Status::kOk) return status;
  const uint32_t failure = lane.control->failure.load(std::memory_order_seq_cst);
  return failure == 0 ? Status::kEmpty : status_of_number(failure);
}

Status copy_slot(const LaneRef& lane, uint64_t id, uint8_t* into, uint32_t capacity,
                 uint32_t* length, uint32_t* flags) {
  const uint64_t newest = lane.control->last.load(std::memory_order_acquire) & kCursorMask;
  if (id == 0 || id > newest) return Status::kEmpty;
  if (!holds_stream(lane)) return Status::kStaleStream;
  SlotHeader& header = lane.header(id);
  if (header.seq.load(std::memory_order_acquire) != 2 * id) return Status::kLapped;
  *length = header.length.load(std::memory_order_relaxed);
  *flags = header.flags.load(std::memory_order_relaxed);
  if (*length > lane.slot_size) return Status::kLapped;
  if (*length > capacity) return Status::kSlotTooLarge;
  copy_from_shared(into, lane.slot_data(id), *length);
  std::atomic_thread_fence(std::memory_order_acquire);
  if (header.seq.load(std::memory_order_relaxed) != 2 * id ||
      !holds_stream(lane)) {
    return Status::kLapped;
  }
  return Status::kOk;
}

}  // namespace ur
