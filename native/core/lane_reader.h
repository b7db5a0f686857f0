// A gating reader of one lane: the writer never overwrites what it has not acknowledged.
// One thread at a time. Full and empty are results; nothing here throws or blocks.
#pragma once

#include <cstdint>

#include "segment.h"

namespace ur {

struct SlotView {
  uint64_t id = 0;
  const uint8_t* data = nullptr;  // stable until the slot is acknowledged (or unpinned)
  uint64_t offset = 0;            // of `data` in the segment
  uint32_t length = 0;
  uint32_t flags = 0;  // SlotFlags
};

class LaneReader {
 public:
  static constexpr int64_t kFromNewest = -1;
  static constexpr int64_t kFromKeyframe = -2;

  // Joins the lane. `from`: position that counts as acknowledged, 0 = from the first slot,
  // kFromNewest = only what comes, kFromKeyframe = from the newest keyframe that is still there, else
  // from the next one; from the first slot in a lane that never had one. kStaleStream, kNoFreeReader.
  [[nodiscard]] Status join(Segment* segment, const LaneRef& lane, int64_t from);

  // Up to `max` new slots, *count of them, in a row up to position(); 0 when there is none. Slots before
  // the keyframe that was asked for are passed over and acknowledged.
  // kEvicted, kSegmentCorrupt.
  [[nodiscard]] Status tail(SlotView* out, uint32_t max, uint32_t* count);
  // Slots up to `id` (at most position()) may be overwritten. kEvicted: what was read of slots after
  // the last acknowledgement must be dropped.
  [[nodiscard]] Status ack(uint64_t id);
  // Keeps slot `id` beyond its acknowledgement, for every thread of this process. kLapped: too late, or
  // the stream is closed.
  [[nodiscard]] Status pin(uint64_t id);
  void unpin(uint64_t id);  // also after leave()
  // Compares the slot's bytes with their hash. kHashMismatch, kLapped, kEvicted.
  [[nodiscard]] Status verify(uint64_t id) const;
  // Asks to be rung at the next publication. kEmpty: nothing new, sleep. kOk: there is something.
  // Otherwise what became of the stream or of the lane's writer.
  [[nodiscard]] Status park();
  // Gives the place back. Idempotent.
  void leave();

  bool joined() const { return segment_ != nullptr; }
  uint64_t last() const;
  uint64_t position() const { return position_; }
  uint64_t cursor() const { return cursor_; }
  uint64_t gap() const { return gap_; }
  const LaneRef& lane() const { return lane_; }

 private:
  bool evicted() const;
  [[nodiscard]] Status seek_keyframe();
  bool passes_over(uint64_t id) const;
  void clear_pin(SlotHeader& header);

  Segment* segment_ = nullptr;  // nullptr: no place
  Segment* mapped_ = nullptr;   // of the last place, for its pins
  LaneRef lane_;
  ReaderWord* word_ = nullptr;
  uint64_t owner_ = 0;  // what the word holds while the place is ours
  uint64_t tag_ = 0;
  uint64_t position_ = 0;
  uint64_t cursor_ = 0;
  uint64_t gap_ = 0;
  bool awaits_keyframe_ = false;
};

inline constexpr uint64_t kCursorMask = (1ULL << 48) - 1;

constexpr uint64_t reader_owner(uint64_t generation, uint32_t worker, ReaderState state) {
  return generation << 32 | uint64_t{worker + 1} << 8 | static_cast<uint64_t>(state);
}
constexpr ReaderState reader_state(uint64_t owner) {
  return static_cast<ReaderState>(owner & 0xFF);
}
// kNoIndex for a free word.
constexpr uint32_t reader_worker(uint64_t owner) {
  return static_cast<uint32_t>((owner >> 8) & 0xFFFF) - 1;
}

// Takes a reader's place away, whose word held `owner`. Run by the ingress or by death recovery; one
// that was left half done (kEvicting) is finished. False when the place has changed hands meanwhile.
bool evict_reader(ReaderWord* word, uint64_t owner);

// The newest slot of the lane that a reader can begin with, 0 = none is there. Whoever has not joined
// may lose it at any time.
uint64_t newest_keyframe(const LaneRef& lane);

// Asks to be rung at the next publication, joined or not, when nothing beyond slot `seen` is there.
// As LaneReader::park.
[[nodiscard]] Status watch_lane(const Segment& segment, const LaneRef& lane, uint64_t seen);

// Copies slot `id` without joining (observers, monitors on a read-only mapping).
// kEmpty: not yet written. kLapped: overwritten before or while it was copied. kSlotTooLarge.
[[nodiscard]] Status copy_slot(const LaneRef& lane, uint64_t id, uint8_t* into, uint32_t capacity,
                               uint32_t* length, uint32_t* flags);

}  // namespace ur
