// A worker process that attaches and then does, in random order and without a pause, everything that a
// worker can do with streams. It ends with the server, or with a number that says what it saw wrong.
#pragma once

#include "core/claim.h"
#include "core/lane_reader.h"
#include "test/support/host.h"
#include "test/support/zygote.h"

namespace ur::test {

enum WorkerExit : int {
  kWorkerDone = 0,
  kWorkerNotAttached = 10,
  kWorkerSawWrongBytes = 11,
  kWorkerSawWrongHash = 12,
  kWorkerSawWrongPinnedBytes = 13,
  kWorkerSawTornCopy = 14,
  kWorkerSawCorruption = 15,
};

// Counts its turns in `in_flight` of its row.
int random_worker(const WorkerArgs& args);

// What slots of a lane are salted with, so that those of another stream, lane or attempt are wrong.
inline uint64_t lane_salt(uint64_t stream_id, uint32_t lane, uint64_t attempt) {
  return stream_id * 64 + lane + (attempt << 56);
}
inline uint32_t pattern_length(uint64_t slot) { return static_cast<uint32_t>(slot * 37 % 1024) + 1; }

// What the slots of one lane must hold. Which attempt they are of shows the first slot; all others must
// be of the same one.
class LaneContent {
 public:
  explicit LaneContent(const LaneRef& lane) : lane_(lane) {}
  bool is_right(const SlotView& view) {
    if (view.length != pattern_length(view.id)) return false;
    const uint32_t newest = claim_owner(lane_).attempt;
    while (!has(view) && !known_ && attempt_ < newest) attempt_++;
    known_ = true;
    return has(view);
  }

 private:
  bool has(const SlotView& view) const {
    const uint64_t salt = lane_salt(lane_.stream_id(), lane_.lane, attempt_);
    return is_pattern(view.data, view.length, view.id, salt);
  }

  LaneRef lane_;
  uint64_t attempt_ = 0;
  bool known_ = false;
};

}  // namespace ur::test
