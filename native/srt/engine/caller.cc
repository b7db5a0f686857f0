#include "srt/engine/caller.h"

#include <srt/srt.h>

#include <algorithm>
#include <array>
#include <utility>

#include "srt/engine/options.h"

namespace ur {
namespace {

// libsrt takes an int.
constexpr size_t kMostAtOnce = size_t{1} << 30;
// Bytes of one caller before the others' turn.
constexpr uint64_t kTurnBytes = uint64_t{1} << 20;
// For what goes nowhere, and for messages that are larger than a slot.
using Scratch = std::array<uint8_t, 16 * 1024>;

// Whether packets of a connection that has ended wait for their time.
bool has_more(int socket) {
  int packets = 0;
  int length = sizeof(packets);
  return srt_getsockflag(socket, SRTO_RCVDATA, &packets, &length) == 0 && packets > 0;
}

}  // namespace

bool SrtCaller::serve(int told) {
  {
    const std::lock_guard lock(mutex_);
    int awaited = SRT_EPOLL_ERR;
    if (tells_readable_) awaited |= SRT_EPOLL_IN;
    if (tells_writable_) awaited |= SRT_EPOLL_OUT;
    if ((told & awaited) != 0) tell_ready();
    (void)subscribe();
  }
  return (told & (SRT_EPOLL_IN | SRT_EPOLL_ERR)) != 0 && take_turn(false);
}

void SrtCaller::arm(bool readable, bool writable) {
  std::unique_lock lock(mutex_);
  armed_ = true;
  tells_readable_ = readable;
  tells_writable_ = writable;
  await(std::move(lock));
}

void SrtCaller::lend(std::shared_ptr<LaneFeed> feed, uint64_t length) {
  std::unique_lock lock(mutex_);
  if (closed_ || reading_ != Reading::kNothing) return;
  feed_ = std::move(feed);
  length_ = length;
  reading_ = Reading::kBody;
  await(std::move(lock));
}

void SrtCaller::go_on() {
  std::unique_lock lock(mutex_);
  if (reading_ != Reading::kStands) return;
  if (feed_ != nullptr && feed_->blocked()) feed_.reset();
  reading_ = Reading::kBody;
  // Its last message had to wait for room.
  if (received_ == length_) (void)act_on(Met::kWhole);
  await(std::move(lock));
}

void SrtCaller::tell_ready() {
  if (!armed_ || closed_) return;
  armed_ = tells_readable_ = tells_writable_ = false;
  events_->push({SrtEvent::Kind::kReady, socket_});
}

void SrtCaller::await(std::unique_lock<std::mutex> lock) {
  if (closed_ || subscribe()) return;
  tell_ready();
  lock.unlock();
  (void)take_turn(true);
}

// False: it has broken. Epoll does not tell of what is added after that.
bool SrtCaller::subscribe() {
  int wanted = 0;
  if (armed_) wanted |= SRT_EPOLL_ERR;
  if (tells_readable_ || reads()) wanted |= SRT_EPOLL_IN | SRT_EPOLL_ERR;
  if (tells_writable_) wanted |= SRT_EPOLL_OUT;
  if (wanted == subscribed_ || closed_) return true;
  const bool more = (wanted & ~subscribed_) != 0;
  subscribed_ = wanted;
  if (wanted != 0 && srt_epoll_add_usock(epoll_, socket_, &wanted) != SRT_ERROR &&
      (!more || srt_getsockstate(socket_) < SRTS_BROKEN)) {
    return true;
  }
  srt_epoll_remove_usock(epoll_, socket_);
  subscribed_ = 0;
  return !more;
}

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

int SrtCaller::receive_into(uint8_t* data, size_t size) {
  return srt_recv(socket_, reinterpret_cast<char*>(data),
                  static_cast<int>(std::min(size, kMostAtOnce)));
}

SrtCaller::Met SrtCaller::failure_of(int got) const {
  if (got == 0) return Met::kEnd;
  const int error = srt_getlasterror(nullptr);
  if (error == SRT_EASYNCRCV) return Met::kNothing;
  // It gives out what is due at this moment, and calls the rest lost with the connection. Epoll tells of a
  // broken connection again and again.
  if (!file_ && error == SRT_ECONNLOST && has_more(socket_)) return Met::kNothing;
  // Messages have no other end. SRT_EINVSOCK would be one whose unread bytes libsrt has given up.
  return !file_ && error == SRT_ECONNLOST ? Met::kEnd : Met::kBroken;
}

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

SrtRead SrtCaller::read(uint8_t* data, size_t capacity, size_t* length) {
  *length = 0;
  const int got = receive_into(data, capacity);
  if (got > 0) {
    *length = static_cast<size_t>(got);
    return SrtRead::kSome;
  }
  const Met met = failure_of(got);
  if (met == Met::kNothing) return SrtRead::kNothing;
  return met == Met::kEnd ? SrtRead::kEnd : SrtRead::kBroken;
}

bool SrtCaller::write(const uint8_t* data, size_t size, size_t* taken) {
  *taken = 0;
  // A message of its largest size may be more than the other side's buffer takes; 1316 is what every
  // caller in live mode expects.
  constexpr size_t kMessage = 1316;
  const size_t most = file_ ? kMostAtOnce : kMessage;
  while (*taken < size) {
    const size_t part = std::min(size - *taken, most);
    const int sent = srt_send(socket_, reinterpret_cast<const char*>(data + *taken),
                              static_cast<int>(part));
    if (sent > 0) *taken += static_cast<size_t>(sent);
    else return sent < 0 && srt_getlasterror(nullptr) == SRT_EASYNCSND;
  }
  return true;
}

void SrtCaller::close() {
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return;
    closed_ = true;
    feed_.reset();
  }
  srt_close(socket_);
}

}  // namespace ur
