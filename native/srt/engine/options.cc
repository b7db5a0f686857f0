#include "srt/engine/options.h"

#include <srt/srt.h>

namespace ur {
namespace {

// Packets on their way that are not acknowledged; the receive buffer holds no more of them.
constexpr int kWindowPackets = 60'000;

template <typename Value>
bool set(int socket, SRT_SOCKOPT option, const Value& value) {
  return srt_setsockflag(socket, option, &value, sizeof(value)) != SRT_ERROR;
}

bool set_type(int socket, const SrtListenOptions& options, bool file) {
  const SRT_TRANSTYPE type = file ? SRTT_FILE : SRTT_LIVE;
  if (!set(socket, SRTO_TRANSTYPE, type)) return false;
  // The owner waits before it closes.
  const linger none{0, 0};
  if (!set(socket, SRTO_LINGER, none)) return false;
  if (file) return true;
  const int largest = static_cast<int>(kMaxSrtMessage);
  if (!set(socket, SRTO_PAYLOADSIZE, largest)) return false;
  const bool timed = !options.high_throughput;
  // Periodic loss reports: with them a live sender that skips nothing does not send the last of a window
  // again when it was lost, and waits for ever.
  return set(socket, SRTO_NAKREPORT, timed) && set(socket, SRTO_TSBPDMODE, timed) &&
         set(socket, SRTO_TLPKTDROP, timed) &&
         set(socket, SRTO_RCVLATENCY, timed ? options.latency_ms : 0);
}

}  // namespace

bool set_srt_listener_options(int socket, const SrtListenOptions& options) {
  constexpr bool kNo = false;
  // The type first: it resets what follows.
  return set_type(socket, options, options.file) && set(socket, SRTO_RCVSYN, kNo) &&
         set(socket, SRTO_SNDSYN, kNo) && set(socket, SRTO_FC, kWindowPackets) &&
         set(socket, SRTO_RCVBUF, options.receive_buffer_bytes) &&
         set(socket, SRTO_UDP_RCVBUF, options.udp_buffer_bytes) &&
         set(socket, SRTO_UDP_SNDBUF, options.udp_buffer_bytes) &&
         set(socket, SRTO_PEERIDLETIMEO, options.idle_timeout_ms);
}

bool set_srt_caller_options(int socket, const SrtListenOptions& options, bool file,
                            const std::string& passphrase) {
  if (!set_type(socket, options, file)) return false;
  return passphrase.empty() ||
         srt_setsockflag(socket, SRTO_PASSPHRASE, passphrase.data(),
                         static_cast<int>(passphrase.size())) != SRT_ERROR;
}

bool set_srt_connect_options(int socket, const SrtConnectOptions& options) {
  constexpr bool kNo = false;
  constexpr int kSendBufferBytes = 8 << 20;
  const SRT_TRANSTYPE type = SRTT_FILE;
  const linger none{0, 0};
  const std::string& id = options.stream_id;
  const std::string& passphrase = options.passphrase;
  return set(socket, SRTO_TRANSTYPE, type) && set(socket, SRTO_LINGER, none) &&
         set(socket, SRTO_RCVSYN, kNo) && set(socket, SRTO_SNDSYN, kNo) &&
         set(socket, SRTO_FC, kWindowPackets) && set(socket, SRTO_SNDBUF, kSendBufferBytes) &&
         set(socket, SRTO_CONNTIMEO, options.timeout_ms) &&
         srt_setsockflag(socket, SRTO_STREAMID, id.data(), static_cast<int>(id.size())) !=
             SRT_ERROR &&
         (options.key_bytes == 0 || set(socket, SRTO_PBKEYLEN, options.key_bytes)) &&
         (passphrase.empty() || srt_setsockflag(socket, SRTO_PASSPHRASE, passphrase.data(),
                                                static_cast<int>(passphrase.size())) != SRT_ERROR);
}

}  // namespace ur
