#include "feed/lane_feed.h"

namespace ur {
namespace {

bool is_full(Status status) { return status == Status::kFull || status == Status::kPinned; }

}  // namespace

Fed LaneFeed::write(std::span<const Piece> pieces, bool keyframe, Status* status) {
  const std::lock_guard lock(mutex_);
  *status = Status::kOk;
  if (!lent_) return Fed::kGone;
  uint64_t total = 0;
  for (const Piece& piece : pieces) total += piece.size;
  const uint64_t before = bytes_.load(std::memory_order_relaxed);
  if (total > limit_ - before) {
    *status = Status::kBodyTooLarge;
    return Fed::kFailed;
  }
  bytes_.store(before + total, std::memory_order_relaxed);
  if (keyframe) {
    *status = begin_keyframe();
    keyframe_waits_ = is_full(*status);
    if (keyframe_waits_) return keep(pieces, 0);
    if (*status != Status::kOk) return Fed::kFailed;
  }
  for (size_t i = 0; i < pieces.size(); i++) {
    uint64_t taken = 0;
    *status = append(pieces[i], &taken);
    if (*status != Status::kOk) return Fed::kFailed;
    if (taken < pieces[i].size) return keep(pieces.subspan(i), taken);
  }
  return Fed::kTaken;
}

Fed LaneFeed::open_rest(uint32_t least, uint8_t** data, uint32_t* size, Status* status) {
  *status = Status::kOk;
  if (!lent_) return Fed::kGone;
  const Status opened = writer_.open_rest(least, data, size);
  if (is_full(opened)) return Fed::kBlocked;
  *status = opened;
  return opened == Status::kOk ? Fed::kTaken : Fed::kFailed;
}

Fed LaneFeed::filled(uint32_t length, Status* status) {
  const uint64_t before = bytes_.load(std::memory_order_relaxed);
  *status = length > limit_ - before ? Status::kBodyTooLarge : writer_.filled(length);
  if (*status != Status::kOk) return Fed::kFailed;
  bytes_.store(before + length, std::memory_order_relaxed);
  return Fed::kTaken;
}

void LaneFeed::want_room(uint32_t least) {
  const std::lock_guard lock(mutex_);
  if (!lent_) return;
  wanted_ = least;
  blocked_.store(true, std::memory_order_release);
}

Status LaneFeed::append(const Piece& piece, uint64_t* taken) {
  return writer_.append(piece.data, piece.size, taken);
}

Status LaneFeed::begin_keyframe() {
  return writer_.begin_keyframe(head_.empty() ? nullptr : head_.data(),
                                static_cast<uint32_t>(head_.size()));
}

// `taken`: bytes of the first piece that are in the lane.
Fed LaneFeed::keep(std::span<const Piece> pieces, uint64_t taken) {
  waiting_.clear();
  waiting_at_ = 0;
  for (const Piece& piece : pieces) {
    waiting_.insert(waiting_.end(), piece.data + taken, piece.data + piece.size);
    taken = 0;
  }
  blocked_.store(true, std::memory_order_release);
  return Fed::kBlocked;
}

Status LaneFeed::flush() {
  const std::lock_guard lock(mutex_);
  return lent_ ? writer_.flush() : Status::kOk;
}

Status LaneFeed::drain() {
  const std::lock_guard lock(mutex_);
  if (!lent_) return Status::kDetached;
  if (!blocked_.load(std::memory_order_relaxed)) return Status::kOk;
  if (wanted_ > 0) {
    uint8_t* data = nullptr;
    uint32_t size = 0;
    const Status status = writer_.open_rest(wanted_, &data, &size);
    if (status != Status::kOk) return is_full(status) ? Status::kFull : status;
    wanted_ = 0;
  }
  if (keyframe_waits_) {
    const Status status = begin_keyframe();
    if (status != Status::kOk) return is_full(status) ? Status::kFull : status;
    keyframe_waits_ = false;
  }
  uint64_t taken = 0;
  const Piece rest{waiting_.data() + waiting_at_, waiting_.size() - waiting_at_};
  Status status = append(rest, &taken);
  if (status != Status::kOk) return status;
  waiting_at_ += taken;
  if (taken < rest.size) return Status::kFull;
  status = writer_.flush();
  if (status != Status::kOk) return status;
  waiting_.clear();
  waiting_at_ = 0;
  blocked_.store(false, std::memory_order_release);
  return Status::kOk;
}

Status LaneFeed::park() {
  const std::lock_guard lock(mutex_);
  return lent_ ? writer_.park() : Status::kDetached;
}

uint64_t LaneFeed::blockers() const {
  const std::lock_guard lock(mutex_);
  return lent_ ? writer_.blockers() : 0;
}

uint64_t LaneFeed::last() const {
  const std::lock_guard lock(mutex_);
  return writer_.last();
}

bool LaneFeed::take_back(LaneWriter* writer) {
  const std::lock_guard lock(mutex_);
  if (!lent_) return false;
  *writer = writer_;
  end_loan();
  return true;
}

void LaneFeed::revoke() {
  const std::lock_guard lock(mutex_);
  end_loan();
}

void LaneFeed::end_loan() {
  lent_ = false;
  waiting_ = {};
  waiting_at_ = 0;
  wanted_ = 0;
  blocked_.store(false, std::memory_order_release);
}

}  // namespace ur
