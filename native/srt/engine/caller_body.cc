// What a caller sends, on its way into the lane. The lock is held by whoever calls these.
#include <srt/srt.h>

#include <array>

#include "srt/engine/caller.h"
#include "srt/engine/options.h"

namespace ur {
namespace {

// Bytes of one caller before the others' turn.
constexpr uint64_t kTurnBytes = uint64_t{1} << 20;
// For what goes nowhere.
using Scratch = std::array<uint8_t, 16 * 1024>;

}  // namespace

bool SrtCaller::reads() const {
  return !closed_ && (reading_ == Reading::kBody || reading_ == Reading::kRest);
}

// `late`: epoll will not tell of what is left when the turn is over. True: nothing is left.
bool SrtCaller::take_turn(bool late) {
  uint64_t taken = 0;
  for (bool first = true;; first = false) {
    const std::lock_guard lock(mutex_);
    if (!reads()) return false;
    const uint64_t before = received_;
    const Next next = reading_ == Reading::kBody ? take_body(first) : act_on(meet_rest());
    taken += received_ - before;
    if (next == Next::kMore && taken < kTurnBytes) continue;
    publish();
    if (late && reads()) stand();
    return next == Next::kNothing;
  }
}

SrtCaller::Next SrtCaller::take_body(bool first) {
  Met met = Met::kNothing;
  Status status = Status::kOk;
  Fed fed = Fed::kGone;
  const bool keeps = feed_ != nullptr && feed_->slot_size() < least();
  if (keeps) {
    fed = take_message(&met, &status);
  } else if (feed_ != nullptr) {
    const auto source = [&](uint8_t* data, size_t size) { return receive(data, size, &met); };
    fed = feed_->fill(least(), source, &status);
  }
  switch (fed) {
    case Fed::kTaken: unpublished_ = true; break;
    case Fed::kBlocked:
      if (!keeps) {
        // Epoll says whether there is something for which room would have to be made.
        if (!first) return Next::kTurn;
        feed_->want_room(least());
      }
      stand();
      return Next::kTurn;
    case Fed::kFailed:
      feed_.reset();
      events_->push({SrtEvent::Kind::kFailed, socket_, status});
      break;
    case Fed::kGone: {
      feed_.reset();
      Scratch scratch;
      (void)receive(scratch.data(), scratch.size(), &met);
      break;
    }
  }
  return act_on(met);
}

// Where a slot has no room for a message.
Fed SrtCaller::take_message(Met* met, Status* status) {
  std::array<uint8_t, kMaxSrtMessage> message;
  const uint32_t length = receive(message.data(), message.size(), met);
  if (length == 0) return Fed::kTaken;
  const Piece piece{message.data(), length};
  return feed_->write({&piece, 1}, false, status);
}

SrtCaller::Next SrtCaller::act_on(Met met) {
  switch (met) {
    case Met::kMore: return Next::kMore;
    case Met::kNothing: return Next::kNothing;
    case Met::kWhole: {
      publish();
      feed_.reset();
      reading_ = Reading::kRest;
      const Met after = meet_rest();
      if (after != Met::kTooLong) events_->push({SrtEvent::Kind::kWhole, socket_});
      return act_on(after);
    }
    case Met::kTooLong: stop(SrtEvent::Kind::kTooLong); break;
    case Met::kEnd: stop(SrtEvent::Kind::kEnd); break;
    case Met::kBroken: stop(SrtEvent::Kind::kBroken); break;
  }
  return Next::kTurn;
}

SrtCaller::Met SrtCaller::meet_rest() {
  Scratch scratch;
  const int got = receive_into(scratch.data(), scratch.size());
  return got > 0 ? Met::kTooLong : failure_of(got);
}

// Of messages as many as there is certainly room for. How many bytes belong to the body.
uint32_t SrtCaller::receive(uint8_t* data, size_t size, Met* met) {
  uint32_t taken = 0;
  *met = Met::kMore;
  while (*met == Met::kMore && size - taken >= least()) {
    const int got = receive_into(data + taken, size - taken);
    if (got <= 0) {
      *met = failure_of(got);
      // What was read goes first; the end is found again.
      if (taken > 0 && *met != Met::kNothing) *met = Met::kMore;
      break;
    }
    const auto length = static_cast<uint32_t>(got);
    if (length > length_ - received_) {
      *met = Met::kTooLong;
      break;
    }
    taken += length;
    received_ += length;
    if (received_ == length_) {
      *met = Met::kWhole;
    } else if (file_ && taken < size) {
      // A stream gives all that there is.
      *met = Met::kNothing;
    }
  }
  return taken;
}

// Bytes of room without which nothing is received.
uint32_t SrtCaller::least() const { return file_ ? 1 : uint32_t{kMaxSrtMessage}; }

void SrtCaller::publish() {
  if (!unpublished_ || feed_ == nullptr) return;
  unpublished_ = false;
  // What is wrong with the stream is said by the next write, and its owner knows it already.
  (void)feed_->flush();
}

void SrtCaller::stand() {
  publish();
  reading_ = Reading::kStands;
  (void)subscribe();
  events_->push({SrtEvent::Kind::kFull, socket_});
}

void SrtCaller::stop(SrtEvent::Kind kind) {
  publish();
  feed_.reset();
  reading_ = Reading::kNothing;
  (void)subscribe();
  events_->push({kind, socket_});
}

}  // namespace ur
