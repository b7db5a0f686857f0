// A lane's writer on loan: native code on a thread of its own appends whole pieces of the body, such as
// access units, or puts bytes in place, while the owner (the JavaScript thread) decides about everything
// else: who is evicted when the lane is full, what becomes of the stream, when it ends. Down to `want_room`
// it is the borrower's; the rest is the owner's. Both may call at any time: one lock orders them, and is
// held for a copy into the lane at most, or for what fill() calls. After take_back() or revoke() no borrower
// touches the lane any more.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <span>
#include <vector>

#include "core/lane_writer.h"

namespace ur {

// Bytes of the body that follow one another.
struct Piece {
  const uint8_t* data = nullptr;
  uint64_t size = 0;
};

enum class Fed : uint8_t {
  kTaken,    // all of it; flush() publishes it
  kBlocked,  // the lane is full; what was left is kept: write no more until drain() has said kOk
  kGone,     // the loan is over; nothing was written
  kFailed,   // `status` says why: kBodyTooLarge, or what became of the stream
};

class LaneFeed {
 public:
  // `head`: an HPKS frame to be repeated before keyframes; `limit`: bytes of the body that may come.
  LaneFeed(const LaneWriter& writer, std::vector<uint8_t> head, uint64_t limit)
      : writer_(writer),
        head_(std::move(head)),
        limit_(limit),
        slot_size_(writer.lane().slot_size) {}

  // Takes the pieces as a whole. `keyframe`: late readers can begin with them.
  [[nodiscard]] Fed write(std::span<const Piece> pieces, bool keyframe, Status* status);
  // Bytes that are put in place, none of them over the border of a slot: `source(data, size)` is called
  // with room for at least `least` bytes, at most slot_size(), and says how many it has put there; it must
  // not wait. kBlocked: there is no room, it was not called, and nothing is kept.
  template <typename Source>
  [[nodiscard]] Fed fill(uint32_t least, Source&& source, Status* status);
  // Publishes what is in the open slot.
  [[nodiscard]] Status flush();
  uint32_t slot_size() const { return slot_size_; }
  // After that: as if `least` bytes waited, until drain() finds room for them.
  void want_room(uint32_t least);

  // Something waits for room.
  bool blocked() const { return blocked_.load(std::memory_order_acquire); }
  // Tries again to write what waits, and publishes it. kFull: not all of it.
  [[nodiscard]] Status drain();
  // As LaneWriter has them.
  [[nodiscard]] Status park();
  uint64_t blockers() const;
  uint64_t last() const;
  // Bytes of the body so far, those that wait too. Any thread, also after the loan.
  uint64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }
  // Ends the loan: what waits is dropped. False: it was over already, and *writer is untouched.
  [[nodiscard]] bool take_back(LaneWriter* writer);
  // The same where the mapping goes.
  void revoke();

 private:
  [[nodiscard]] Status append(const Piece& piece, uint64_t* taken);
  [[nodiscard]] Status begin_keyframe();
  Fed keep(std::span<const Piece> pieces, uint64_t taken);
  [[nodiscard]] Fed open_rest(uint32_t least, uint8_t** data, uint32_t* size, Status* status);
  [[nodiscard]] Fed filled(uint32_t length, Status* status);
  void end_loan();

  mutable std::mutex mutex_;
  LaneWriter writer_;
  std::vector<uint8_t> head_;
  uint64_t limit_;
  uint32_t slot_size_;
  bool lent_ = true;
  std::vector<uint8_t> waiting_;
  uint64_t waiting_at_ = 0;
  bool keyframe_waits_ = false;
  uint32_t wanted_ = 0;  // bytes of room for which nothing waits
  std::atomic<bool> blocked_{false};
  std::atomic<uint64_t> bytes_{0};
};

template <typename Source>
Fed LaneFeed::fill(uint32_t least, Source&& source, Status* status) {
  const std::lock_guard lock(mutex_);
  uint8_t* data = nullptr;
  uint32_t size = 0;
  const Fed opened = open_rest(least, &data, &size, status);
  return opened == Fed::kTaken ? filled(source(data, size), status) : opened;
}

}  // namespace ur
