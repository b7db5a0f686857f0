#include "srt/engine/caller.h"

#include <srt/srt.h>

#include <algorithm>
#include <utility>

#include "core/clock.h"
#include "srt/engine/options.h"

namespace ur {
namespace {

// libsrt takes an int.
constexpr size_t kMostAtOnce = size_t{1} << 30;

}  // namespace

SrtCaller::SrtCaller(int epoll, int socket, bool file, SrtEvents* events)
    : epoll_(epoll),
      socket_(socket),
      file_(file),
      events_(events),
      emptied_ns_(monotonic_ns()),
      counted_ns_(emptied_ns_),
      heard_ns_(emptied_ns_) {
  int length = sizeof(idle_timeout_ms_);
  (void)srt_getsockflag(socket, SRTO_PEERIDLETIMEO, &idle_timeout_ms_, &length);
}

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

bool SrtCaller::settle() {
  const std::lock_guard lock(mutex_);
  if (!reads() || feed_ == nullptr || gate_.kept().empty()) return false;
  if (!gate_.due(monotonic_ns())) return true;
  Status status = Status::kOk;
  const Fed fed = put_kept(&status);
  if (act_on(fed, status, Met::kNothing) == Next::kNothing) publish();
  return false;
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

int SrtCaller::receive_into(uint8_t* data, size_t size) {
  return srt_recv(socket_, reinterpret_cast<char*>(data),
                  static_cast<int>(std::min(size, kMostAtOnce)));
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
