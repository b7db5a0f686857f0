// Packets of MPEG transport streams.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "mpegts/probe.h"
#include "test/support/hex.h"

namespace ur::test {

using Bytes = std::vector<uint8_t>;

inline constexpr uint16_t kMapPid = 0x100;
inline constexpr uint16_t kVideoPid = 0x101;
inline constexpr uint16_t kAudioPid = 0x102;
// A PES header with a DTS of 3000 and a PTS of 6000 ticks of 90 kHz.
inline const std::string kVideoPes = "000001e00000 80c00a 3100012ee1 110001 1771";

inline void append(Bytes* into, const Bytes& more) { into->insert(into->end(), more.begin(), more.end()); }

struct PacketKind {
  bool begins = true;
  bool random_access = false;
};

// Filled up by its adaptation field.
inline Bytes packet(uint16_t pid, const Bytes& payload, PacketKind kind = {}) {
  Bytes bytes = {0x47, static_cast<uint8_t>((kind.begins ? 0x40 : 0) | pid >> 8),
                 static_cast<uint8_t>(pid), 0x30};
  const size_t field = kTsPacket - 5 - payload.size();
  bytes.push_back(static_cast<uint8_t>(field));
  if (field > 0) {
    bytes.push_back(kind.random_access ? 0x40 : 0);
    bytes.resize(bytes.size() + field - 1, 0xFF);
  }
  append(&bytes, payload);
  EXPECT_EQ(bytes.size(), kTsPacket);
  return bytes;
}

inline Bytes section(const std::string& body) {
  const Bytes entries = from_hex(body);
  const size_t length = entries.size() - 1 + 4;
  Bytes bytes = {0, entries[0], static_cast<uint8_t>(0xB0 | length >> 8),
                 static_cast<uint8_t>(length)};
  bytes.insert(bytes.end(), entries.begin() + 1, entries.end());
  bytes.insert(bytes.end(), 4, 0);
  return bytes;
}

inline Bytes association() { return packet(0, section("00 0001 c1 00 00 0000 e010 0001 e100")); }

inline Bytes map(const std::string& streams) {
  return packet(kMapPid, section("02 0001 c1 00 00 e101 f000" + streams));
}

inline const std::string kH264AndAac = "1b e101 f000 0f e102 f000";

inline Bytes message(std::initializer_list<Bytes> packets) {
  Bytes all;
  for (const Bytes& one : packets) append(&all, one);
  return all;
}

inline Bytes with(const std::string& header, const std::string& data) { return from_hex(header + data); }

}  // namespace ur::test
