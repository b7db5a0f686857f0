// What the owner does with one caller's socket.
#include <srt/srt.h>

#include <utility>

#include "srt/engine/shared.h"

namespace ur {

void SrtEngine::arm(int socket, bool readable, bool writable) {
  if (const auto caller = find(socket)) caller->arm(readable, writable);
}

void SrtEngine::lend(int socket, std::shared_ptr<LaneFeed> feed, uint64_t length) {
  if (const auto caller = find(socket)) caller->lend(std::move(feed), length);
}

void SrtEngine::go_on(int socket) {
  if (const auto caller = find(socket)) caller->go_on();
}

SrtRead SrtEngine::read(int socket, uint8_t* data, size_t capacity, size_t* length) {
  const auto caller = find(socket);
  *length = 0;
  return caller == nullptr ? SrtRead::kBroken : caller->read(data, capacity, length);
}

bool SrtEngine::write(int socket, const uint8_t* data, size_t size, size_t* taken) {
  const auto caller = find(socket);
  *taken = 0;
  return caller != nullptr && caller->write(data, size, taken);
}

bool SrtEngine::counts(int socket, SrtCounts* counts) {
  SRT_TRACEBSTATS stats;
  if (find(socket) == nullptr || srt_bstats(socket, &stats, 0) == SRT_ERROR) return false;
  counts->received = stats.pktRecvTotal;
  counts->lost = stats.pktRcvLossTotal;
  counts->dropped = stats.pktRcvDropTotal;
  counts->undecrypted = stats.pktRcvUndecryptTotal;
  // It has no total, but its interval begins with the connection: it is never cleared.
  counts->retransmitted = stats.pktRcvRetrans;
  counts->rtt_ms = stats.msRTT;
  return true;
}

std::optional<TsFacts> SrtEngine::media(int socket) {
  const auto caller = find(socket);
  if (caller == nullptr || caller->file()) return std::nullopt;
  return caller->media();
}

int64_t SrtEngine::unsent(int socket) {
  size_t blocks = 0;
  size_t bytes = 0;
  if (find(socket) == nullptr || srt_getsockstate(socket) != SRTS_CONNECTED ||
      srt_getsndbuffer(socket, &blocks, &bytes) == SRT_ERROR) {
    return -1;
  }
  return static_cast<int64_t>(bytes);
}

int SrtEngine::peer_latency_ms(int socket) {
  int latency_ms = 0;
  int length = sizeof(latency_ms);
  const bool known = find(socket) != nullptr &&
                     srt_getsockflag(socket, SRTO_PEERLATENCY, &latency_ms, &length) == 0;
  return known ? latency_ms : 0;
}

}  // namespace ur
