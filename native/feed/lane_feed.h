// A lane's writer on loan: native code on a thread of its own appends whole pieces of the body, such as
// access units, while the owner (the JavaScript thread) decides about everything else: who is evicted when
// the lane is full, what becomes of the stream, when it ends. `write` and `flush` are the borrower's; the
// rest is the owner's. Both may call at any time: one lock orders them, and is held for a copy into the
// lane at most. After take_back() or revoke() no borrower touches the lane any more.
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
      : writer_(writer), head_(std::move(head)), limit_(limit) {}

  // Takes the pieces as a whole. `keyframe`: late readers can begin with them.
  [[nodiscard]] Fed write(std::span<const Piece> pieces, bool keyframe, Status* status);
  // Publishes what is in the open slot.
  [[nodiscard]] Status flush();

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
  void end_loan();

  mutable std::mutex mutex_;
  LaneWriter writer_;
  std::vector<uint8_t> head_;
  uint64_t limit_;
  bool lent_ = true;
  std::vector<uint8_t> waiting_;
  uint64_t waiting_at_ = 0;
  bool keyframe_waits_ = false;
  std::atomic<bool> blocked_{false};
  std::atomic<uint64_t> bytes_{0};
};

}  // namespace ur
