// What an RTMP publisher sends.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "rtmp/chunk_reader.h"
#include "rtmp/wire.h"
#include "test/support/hex.h"

namespace ur::test {

using Bytes = std::vector<uint8_t>;

inline Bytes& operator+=(Bytes& bytes, const Bytes& more) {
  bytes.insert(bytes.end(), more.begin(), more.end());
  return bytes;
}

// C0, C1 and C2.
inline Bytes rtmp_handshake() {
  Bytes bytes(1 + 2 * 1536, 7);
  bytes[0] = 3;
  return bytes;
}

// A message on chunk stream 4, in chunks of 128 bytes.
inline Bytes rtmp_message(uint8_t type, uint32_t timestamp, const Bytes& payload,
                          uint8_t stream_id = 1) {
  const auto size = static_cast<uint32_t>(payload.size());
  Bytes bytes(12);
  bytes[0] = 4;
  write_u32(&bytes[1], timestamp << 8);
  write_u32(&bytes[4], size << 8 | type);
  bytes[8] = stream_id;
  for (uint32_t at = 0; at < size; at += 128) {
    if (at > 0) bytes.push_back(0xC4);
    bytes.insert(bytes.end(), payload.begin() + at,
                 payload.begin() + std::min(size, at + 128));
  }
  return bytes;
}

inline Bytes rtmp_avc_config() {
  return rtmp_message(rtmp_type::kVideo, 0, from_hex("17 00 000000 014d401fffe1000267aa01000268ee"));
}

// A frame of one NAL unit, a keyframe or not.
inline Bytes rtmp_frame(uint32_t timestamp, bool key, const Bytes& nal) {
  Bytes payload = from_hex(key ? "17 01 000000 00000000" : "27 01 000000 00000000");
  write_u32(&payload[5], static_cast<uint32_t>(nal.size()));
  payload += nal;
  return rtmp_message(rtmp_type::kVideo, timestamp, payload);
}

// The size of the unit that comes of it.
inline uint64_t rtmp_unit_bytes(bool key, const Bytes& nal) {
  return 30 + (key ? 12U : 0U) + 4 + nal.size();
}

}  // namespace ur::test
