// What a caller sends, on its way from libsrt into the lane.
#include <srt/srt.h>

#include <algorithm>
#include <array>

#include "core/clock.h"
#include "srt/engine/caller.h"
#include "srt/engine/options.h"

namespace ur {
namespace {

// Bytes of one caller before the others' turn.
constexpr uint64_t kTurnBytes = uint64_t{1} << 20;
// For what goes nowhere, and for messages that are larger than a slot.
using Scratch = std::array<uint8_t, 16 * 1024>;
// libsrt keeps what is not read of a connection that has ended for about a minute.
constexpr uint64_t kKeptNs = 10'000'000'000;
constexpr uint64_t kCountEachNs = 250'000'000;

// Whether packets of a connection that has ended wait for their time.
bool has_more(int socket) {
  int packets = 0;
  int length = sizeof(packets);
  return srt_getsockflag(socket, SRTO_RCVDATA, &packets, &length) == 0 && packets > 0;
}

}  // namespace

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
  if (feed_ != nullptr && feed_->slot_size() < least()) {
    fed = take_message(&met, &status);
  } else if (feed_ != nullptr) {
    const auto source = [&](uint8_t* data, size_t size) { return receive(data, size, &met); };
    fed = feed_->fill(least(), source, &status);
    if (fed == Fed::kBlocked) {
      // Epoll says whether there is something for which room would have to be made.
      if (!first) return Next::kTurn;
      feed_->want_room(least());
    }
    const bool over = met != Met::kMore && met != Met::kNothing;
    const bool kept = !gate_.kept().empty();
    if (fed == Fed::kTaken && kept && (over || gate_.complete())) fed = put_kept(&status);
  }
  return act_on(fed, status, met);
}

// What was received has gone there, and has met that.
SrtCaller::Next SrtCaller::act_on(Fed fed, Status status, Met met) {
  switch (fed) {
    case Fed::kTaken: unpublished_ = true; break;
    case Fed::kBlocked: stand(); return Next::kTurn;
    case Fed::kFailed:
      feed_.reset();
      events_->push({SrtEvent::Kind::kFailed, socket_, status});
      break;
    case Fed::kGone: {
      feed_.reset();
      if (met != Met::kNothing) break;
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

// Into a slot of its own, so that none of its messages is over a border.
Fed SrtCaller::put_kept(Status* status) {
  const bool entry = gate_.entry();
  const Piece piece{gate_.kept().data(), gate_.kept().size()};
  if (!entry) (void)feed_->flush();
  const Fed fed = feed_->write({&piece, 1}, entry, status);
  gate_.forget();
  return fed;
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
    if (file_) hear();
    received_ += length;
    const bool kept = keeps({data + taken, length});
    if (!kept) taken += length;
    if (received_ == length_) {
      *met = Met::kWhole;
    } else if (kept && gate_.complete()) {
      break;
    } else if (file_ && taken < size) {
      // A stream gives all that there is.
      *met = Met::kNothing;
    }
  }
  return taken;
}

// Two messages that are kept have to fit into a slot.
bool SrtCaller::keeps(std::span<const uint8_t> message) {
  if (file_ || feed_ == nullptr || feed_->slot_size() < 2 * kMaxSrtMessage) return false;
  return !gate_.pass(message, monotonic_ns());
}

// Bytes of room without which nothing is received.
uint32_t SrtCaller::least() const { return file_ ? 1 : uint32_t{kMaxSrtMessage}; }

// What is read may have waited for long: only new packets say that the caller is there.
void SrtCaller::hear() {
  const uint64_t now_ns = monotonic_ns();
  if (now_ns - counted_ns_ < kCountEachNs) return;
  SRT_TRACEBSTATS stats;
  if (srt_bstats(socket_, &stats, 0) == SRT_ERROR) return;
  if (stats.pktRecvTotal != packets_) heard_ns_ = counted_ns_;
  packets_ = stats.pktRecvTotal;
  counted_ns_ = now_ns;
}

SrtCaller::Met SrtCaller::failure_of(int got) {
  if (got == 0) return Met::kEnd;
  const int error = srt_getlasterror(nullptr);
  if (error == SRT_EASYNCRCV) {
    emptied_ns_ = monotonic_ns();
    return Met::kNothing;
  }
  if (error == SRT_EINVSOCK) return ended_by_itself() ? Met::kEnd : Met::kBroken;
  if (error != SRT_ECONNLOST || file_) return Met::kBroken;
  // It gives out what is due at this moment, and calls the rest lost with the connection. Epoll tells of a
  // broken connection again and again. Messages have no other end.
  return has_more(socket_) ? Met::kNothing : Met::kEnd;
}

// Of a connection that libsrt has closed before its end was read, as it does once a second with those that
// have ended and are empty, and with the others when it gives up what they have.
bool SrtCaller::ended_by_itself() const {
  const uint64_t now_ns = monotonic_ns();
  if (!file_) return now_ns - emptied_ns_ < kKeptNs;
  // Without a last word it would have been waited for that long; half of it is for our clock.
  return now_ns - heard_ns_ < static_cast<uint64_t>(idle_timeout_ms_) * 500'000;
}

TsFacts SrtCaller::media() {
  const std::lock_guard lock(mutex_);
  return gate_.facts();
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

}  // namespace ur
