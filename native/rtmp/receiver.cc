#include "rtmp/receiver.h"

#include <algorithm>
#include <string>
#include <utility>

#include "rtmp/wire.h"

namespace ur {
namespace {

// Length of C1, S1, C2 and S2 each.
constexpr size_t kHandshakeBytes = 1536;
constexpr uint8_t kVersion = 3;

}  // namespace

bool RtmpReceiver::push(uint8_t* data, size_t size) {
  const std::lock_guard lock(mutex_);
  received_.store(received_.load(std::memory_order_relaxed) + size, std::memory_order_relaxed);
  if (stopped_) return true;
  uint8_t* at = data;
  uint8_t* end = data + size;
  const bool from_kept = kept_at_ < kept_.size();
  if (from_kept) {
    if (size > 0) kept_.insert(kept_.end(), data, end);
    at = kept_.data() + kept_at_;
    end = kept_.data() + kept_.size();
  }
  if (!halted_) parse(&at, end);
  if (from_kept) {
    kept_at_ = static_cast<size_t>(at - kept_.data());
    if (at == end) {
      kept_.clear();
      kept_at_ = 0;
    }
  } else if (at != end && !stopped_) {
    kept_.assign(at, end);
    kept_at_ = 0;
  }
  return !halted_;
}

void RtmpReceiver::parse(uint8_t** at, uint8_t* end) {
  while (!halted_ && *at != end) {
    if (phase_ != Phase::kChunks) {
      if (!shake(at, end)) break;
      continue;
    }
    RtmpMessage message;
    const ChunkReader::Result result = reader_.read(at, end, &message, &failure_);
    if (result == ChunkReader::Result::kMore) break;
    if (result == ChunkReader::Result::kFailed) {
      halt(Kind::kFailed);
    } else {
      take(message);
    }
  }
  if (!unflushed_) return;
  unflushed_ = false;
  const Status status = feed_->flush();
  if (status != Status::kOk && !halted_) fail(status, {});
}

// False: it is not whole.
bool RtmpReceiver::shake(uint8_t** at, uint8_t* end) {
  const size_t wanted = phase_ == Phase::kHello ? 1 + kHandshakeBytes : kHandshakeBytes;
  const size_t part =
      std::min(wanted - handshake_.size(), static_cast<size_t>(end - *at));
  handshake_.insert(handshake_.end(), *at, *at + part);
  *at += part;
  if (phase_ == Phase::kHello && handshake_[0] != kVersion) {
    fail(Status::kRtmpHandshake, "its version is " + std::to_string(handshake_[0]));
    return false;
  }
  if (handshake_.size() < wanted) return false;
  if (phase_ == Phase::kHello) {
    phase_ = Phase::kC2;
    notice_.payload.assign(handshake_.begin() + 1, handshake_.end());
    handshake_.clear();
    halt(Kind::kHello);
  } else {
    phase_ = Phase::kChunks;
    handshake_ = {};
    halt(Kind::kShaken);
  }
  return true;
}

void RtmpReceiver::take(const RtmpMessage& message) {
  switch (message.type) {
    case rtmp_type::kAudio:
    case rtmp_type::kVideo:
      if (publishing_ && message.stream_id == publication_) take_media(message);
      return;
    case rtmp_type::kWindowAckSize:
      if (message.size < 4) {
        fail(Status::kRtmpProtocol, "no window size");
        return;
      }
      window_ = std::max(read_u32(message.data), uint32_t{1});
      return;
    case rtmp_type::kUserControl:
    case rtmp_type::kDataAmf3:
    case rtmp_type::kCommandAmf3:
    case rtmp_type::kDataAmf0:
    case rtmp_type::kCommandAmf0:
    case rtmp_type::kAggregate:
      notice_.type = message.type;
      notice_.stream_id = message.stream_id;
      notice_.payload.assign(message.data, message.data + message.size);
      halt(Kind::kMessage);
      return;
    default:
      return;  // acknowledgements, bandwidths, and what nobody knows
  }
}

void RtmpReceiver::take_media(const RtmpMessage& message) {
  AccessUnit unit;
  const Assembled result = media_.take(message, &unit, &failure_);
  if (result == Assembled::kFailed) halt(Kind::kFailed);
  if (result != Assembled::kUnit) return;
  if (feed_ != nullptr) {
    write(unit.pieces(), unit.key);
    return;
  }
  first_unit_.clear();
  for (const Piece& piece : unit.pieces()) {
    first_unit_.insert(first_unit_.end(), piece.data, piece.data + piece.size);
  }
  first_is_key_ = unit.key;
  halt(Kind::kUnit);
}

void RtmpReceiver::write(std::span<const Piece> pieces, bool key) {
  Status status = Status::kOk;
  switch (feed_->write(pieces, key, &status)) {
    case Fed::kTaken: unflushed_ = true; return;
    case Fed::kBlocked: halt(Kind::kBlocked); return;
    case Fed::kGone: return;  // the owner is about to say what comes next
    case Fed::kFailed: fail(status, {}); return;
  }
}

void RtmpReceiver::halt(Kind kind) {
  halted_ = kind;
  told_ = false;
}

void RtmpReceiver::fail(Status status, std::string detail) {
  failure_.set(status, std::move(detail));
  halt(Kind::kFailed);
}

bool RtmpReceiver::wants_more() const {
  const std::lock_guard lock(mutex_);
  return stopped_ || (!halted_ && !ended_);
}

bool RtmpReceiver::has_notice() const {
  const std::lock_guard lock(mutex_);
  return (halted_ && !told_ && !stopped_) || acknowledge_due() || end_due();
}

bool RtmpReceiver::acknowledge_due() const {
  return !acknowledge_told_ && !stopped_ && received() - acknowledged_ >= window_;
}

bool RtmpReceiver::end_due() const {
  return ended_ && !end_told_ && (stopped_ || (!halted_ && kept_.empty()));
}

bool RtmpReceiver::next(RtmpNotice* notice) {
  const std::lock_guard lock(mutex_);
  if (halted_ && !told_ && !stopped_) {
    told_ = true;
    *notice = std::move(notice_);
    notice_ = {};
    notice->kind = *halted_;
    if (*halted_ == Kind::kFailed) notice->failure = failure_;
    return true;
  }
  *notice = {};
  if (acknowledge_due()) {
    acknowledge_told_ = true;
    notice->kind = Kind::kAcknowledge;
    return true;
  }
  if (!end_due()) return false;
  end_told_ = true;
  return true;
}

void RtmpReceiver::go_on() {
  const std::lock_guard lock(mutex_);
  if (!halted_ || !told_ || *halted_ == Kind::kFailed) return;
  if (*halted_ == Kind::kUnit && publishing_) return;
  if (*halted_ == Kind::kBlocked && feed_ != nullptr && feed_->blocked()) return;
  halted_.reset();
}

void RtmpReceiver::publish(uint32_t stream_id, const std::optional<Continuation>& after) {
  const std::lock_guard lock(mutex_);
  publishing_ = true;
  publication_ = stream_id;
  media_ = MediaAssembler(multitrack_, after);
}

void RtmpReceiver::unpublish() {
  const std::lock_guard lock(mutex_);
  publishing_ = false;
  feed_.reset();
  first_unit_ = {};
  if (kept_.empty()) kept_.shrink_to_fit();
}

void RtmpReceiver::lend(std::shared_ptr<LaneFeed> feed) {
  const std::lock_guard lock(mutex_);
  feed_ = std::move(feed);
  if (!halted_ || *halted_ != Kind::kUnit) return;
  halted_.reset();
  const Piece first{first_unit_.data(), first_unit_.size()};
  write({&first, 1}, first_is_key_);
  first_unit_ = {};
  if (!unflushed_) return;
  unflushed_ = false;
  const Status status = feed_->flush();
  if (status != Status::kOk) fail(status, {});
}

void RtmpReceiver::stop() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  publishing_ = false;
  feed_.reset();
  first_unit_ = {};
  kept_ = {};
  kept_at_ = 0;
}

void RtmpReceiver::end_of_input(bool broken) {
  const std::lock_guard lock(mutex_);
  ended_ = true;
  if (broken) stopped_ = true;
}

void RtmpReceiver::acknowledged(uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  acknowledged_ = bytes;
  acknowledge_told_ = false;
}

MediaFacts RtmpReceiver::media() const {
  const std::lock_guard lock(mutex_);
  return media_;
}

}  // namespace ur
