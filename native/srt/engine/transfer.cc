// What the owner does with one caller's socket.
#include <srt/srt.h>

#include <algorithm>

#include "srt/engine/shared.h"

namespace ur {
namespace {

// libsrt takes an int.
constexpr size_t kMostAtOnce = size_t{1} << 30;

// Whether packets of a connection that has ended wait for their time.
bool has_more(int socket) {
  int packets = 0;
  int length = sizeof(packets);
  return srt_getsockflag(socket, SRTO_RCVDATA, &packets, &length) == 0 && packets > 0;
}

}  // namespace

SrtRead SrtEngine::read(int socket, uint8_t* data, size_t capacity, size_t* length) {
  *length = 0;
  const auto found = sockets_.find(socket);
  if (found == sockets_.end()) return SrtRead::kBroken;
  const size_t least = found->second ? 1 : kMaxSrtMessage;
  while (capacity - *length >= least) {
    const size_t room = std::min(capacity - *length, kMostAtOnce);
    const int got =
        srt_recv(socket, reinterpret_cast<char*>(data + *length), static_cast<int>(room));
    if (got > 0) {
      *length += static_cast<size_t>(got);
      continue;
    }
    // What was read goes first; the end is found again by the next call.
    if (*length > 0) return SrtRead::kSome;
    if (got == 0) return SrtRead::kEnd;
    const int error = srt_getlasterror(nullptr);
    if (error == SRT_EASYNCRCV) return SrtRead::kNothing;
    // It gives out what is due at this moment, and calls the rest lost with the connection.
    if (!found->second && error == SRT_ECONNLOST && has_more(socket)) return SrtRead::kLater;
    // Messages have no other end. SRT_EINVSOCK would be one whose unread bytes libsrt has given up.
    return !found->second && error == SRT_ECONNLOST ? SrtRead::kEnd : SrtRead::kBroken;
  }
  return SrtRead::kSome;
}

bool SrtEngine::write(int socket, const uint8_t* data, size_t size, size_t* taken) {
  *taken = 0;
  const auto found = sockets_.find(socket);
  if (found == sockets_.end()) return false;
  // A message of its largest size may be more than the other side's buffer takes; 1316 is what every
  // caller in live mode expects.
  constexpr size_t kMessage = 1316;
  const size_t most = found->second ? kMostAtOnce : kMessage;
  while (*taken < size) {
    const size_t part = std::min(size - *taken, most);
    const int sent = srt_send(socket, reinterpret_cast<const char*>(data + *taken),
                              static_cast<int>(part));
    if (sent > 0) *taken += static_cast<size_t>(sent);
    else return sent < 0 && srt_getlasterror(nullptr) == SRT_EASYNCSND;
  }
  return true;
}

void SrtEngine::arm(int socket, bool readable, bool writable) {
  if (!started_ || !sockets_.contains(socket)) return;
  int wanted = SRT_EPOLL_ERR;
  if (readable) wanted |= SRT_EPOLL_IN;
  if (writable) wanted |= SRT_EPOLL_OUT;
  const bool added = srt_epoll_add_usock(epoll_, socket, &wanted) != SRT_ERROR;
  // What has broken before it was added is not told, though its last bytes may wait to be read.
  if (added && srt_getsockstate(socket) < SRTS_BROKEN) return;
  {
    const std::lock_guard lock(mutex_);
    events_.push_back({SrtEvent::Kind::kReady, socket, false, {}, 0, {}});
  }
  notify_();
}

bool SrtEngine::counts(int socket, SrtCounts* counts) {
  SRT_TRACEBSTATS stats;
  if (!sockets_.contains(socket) || srt_bstats(socket, &stats, 0) == SRT_ERROR) return false;
  counts->received = stats.pktRecvTotal;
  counts->lost = stats.pktRcvLossTotal;
  counts->dropped = stats.pktRcvDropTotal;
  counts->undecrypted = stats.pktRcvUndecryptTotal;
  // It has no total, but its interval begins with the connection: it is never cleared.
  counts->retransmitted = stats.pktRcvRetrans;
  counts->rtt_ms = stats.msRTT;
  return true;
}

int64_t SrtEngine::unsent(int socket) {
  size_t blocks = 0;
  size_t bytes = 0;
  if (!sockets_.contains(socket) || srt_getsockstate(socket) != SRTS_CONNECTED ||
      srt_getsndbuffer(socket, &blocks, &bytes) == SRT_ERROR) {
    return -1;
  }
  return static_cast<int64_t>(bytes);
}

int SrtEngine::peer_latency_ms(int socket) {
  int latency_ms = 0;
  int length = sizeof(latency_ms);
  const bool known = sockets_.contains(socket) && srt_getsockflag(socket, SRTO_PEERLATENCY,
                                                                  &latency_ms, &length) == 0;
  return known ? latency_ms : 0;
}

void SrtEngine::close_socket(int socket) {
  if (sockets_.erase(socket) == 0) return;
  shared_->open.fetch_sub(1, std::memory_order_relaxed);
  srt_close(socket);
}

}  // namespace ur
