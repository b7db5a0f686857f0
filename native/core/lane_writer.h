// The single writer of one lane: the ingress for a request lane, the claim's holder for a response or
// a stage lane. One thread at a time. Nothing here throws, blocks or allocates.
#pragma once

#include <cstdint>

#include "hash.h"
#include "segment.h"

namespace ur {

class LaneWriter {
 public:
  // `token`: the claim word that makes the caller the writer; 0 for a request lane.
  // kSegmentCorrupt when the lane's words are impossible.
  [[nodiscard]] Status open(Segment* segment, const LaneRef& lane, uint64_t token);

  // Reserves the next slot (after a flush); *data has room for slot_size bytes. Idempotent until commit.
  // kFull, kPinned, kNotOwner, kLaneEnded, or what became of the stream.
  [[nodiscard]] Status reserve(uint8_t** data);
  // Publishes the reserved slot and rings who is parked. kSlotTooLarge; kInvalidArgument: an end slot
  // has no bytes, and every other has some.
  [[nodiscard]] Status commit(uint32_t length, uint32_t flags);

  // Copies body bytes into the open slot, publishing each slot that becomes full. *taken says how
  // many; fewer than `length` with kOk means that the lane is full. Sleeping readers are rung once a
  // quarter of the ring is new, or when it is full; a flush() must follow and rings for the rest: a
  // wake costs as much as copying a slot, so a burst of them is worth one.
  [[nodiscard]] Status append(const uint8_t* data, uint64_t length, uint64_t* taken);
  // The same for bytes that are put in place: *data has room for *size bytes of the body, at least
  // `least` of them, at most a slot; an open slot with less room is published first. kFull, kPinned: no
  // room; otherwise as reserve().
  [[nodiscard]] Status open_rest(uint32_t least, uint8_t** data, uint32_t* size);
  // `length` bytes were put there. Publishes and rings as append().
  [[nodiscard]] Status filled(uint32_t length);
  // Publishes the open slot if it holds anything, and rings for what append() has left.
  [[nodiscard]] Status flush();
  // Publishes one slot (after a flush).
  [[nodiscard]] Status write(const uint8_t* data, uint32_t length, uint32_t flags);
  // The next slot is one that a late reader can begin with: what follows starts with a keyframe (of
  // sound alone, with any unit). Flushes, then repeats the head for those who come when slot 1 has
  // gone, if `head` is given: one HPKS frame of at most slot_size bytes. kFull, kPinned: not marked yet,
  // call again; otherwise as write().
  [[nodiscard]] Status begin_keyframe(const uint8_t* head, uint32_t length);
  // Publishes the end slot (after a flush).
  [[nodiscard]] Status end();

  // Asks to be rung when a slot may be free. kFull: sleep. kOk: there is room now.
  [[nodiscard]] Status park();
  // Bitmap of the workers whose cursor or pin stands in the way of the next slot.
  uint64_t blockers() const;

  // Gives up: the readers of the lane see `status`. The claim stays until release().
  [[nodiscard]] Status fail(Status status);
  // Gives the claim back; the open slot is dropped. Idempotent.
  [[nodiscard]] Status release();

  bool is_open() const { return segment_ != nullptr; }
  uint64_t last() const { return last_; }
  bool ended() const { return ended_; }
  const LaneRef& lane() const { return lane_; }
  uint64_t token() const { return token_; }

 private:
  [[nodiscard]] Status ready() const;
  [[nodiscard]] Status find_room(uint64_t id, uint64_t* slowest) const;
  [[nodiscard]] Status lock_slot(uint64_t id);
  [[nodiscard]] Status open_slot(uint8_t** data);
  void publish(uint32_t length, uint32_t flags, uint64_t hash);
  void publish_open_slot();
  void ring_readers();
  void drop_open_slot();

  Segment* segment_ = nullptr;
  LaneRef lane_;
  uint64_t token_ = 0;
  uint64_t last_ = 0;      // never read back from the segment, where others could change it
  uint64_t rung_ = 0;      // readers have been rung up to this id
  uint64_t slowest_ = 0;   // no reader was behind this position at the last look
  uint8_t* slot_ = nullptr;  // the reserved slot's data
  uint32_t fill_ = 0;        // bytes appended to it
  RunningHash fill_hash_;    // of those bytes, unless
  bool in_place_ = false;    // some of them were put in place
  bool keyframe_ = false;    // the next slot is one
  bool ended_ = false;
};

}  // namespace ur
