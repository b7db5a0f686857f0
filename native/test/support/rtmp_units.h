// Access units taken apart, and codec configurations to make them with.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "rtmp/frames.h"
#include "rtmp/wire.h"
#include "test/support/hex.h"

namespace ur::test {

inline const std::string kAvc = "01 4d401f ff e1 0004 67aabbcc 02 0002 68dd 0002 68ee";
inline const std::string kAvcSets = "0000000167aabbcc0000000168dd0000000168ee";

struct Unit {
  int type = 0;
  int key = 0;
  int track = 0;
  int64_t id = 0;
  int64_t dts = 0;
  int64_t pts = 0;
  std::string data;  // hex digits
};

inline std::vector<uint8_t> bytes_of(const AccessUnit& unit) {
  std::vector<uint8_t> all;
  for (const Piece& piece : unit.pieces()) {
    all.insert(all.end(), piece.data, piece.data + piece.size);
  }
  return all;
}

// Those that are whole.
inline std::vector<Unit> units_of(const std::vector<uint8_t>& bytes) {
  const auto read_i64 = [](const uint8_t* at) {
    return static_cast<int64_t>(uint64_t{read_u32(at)} << 32 | read_u32(at + 4));
  };
  std::vector<Unit> units;
  for (size_t at = 0; bytes.size() - at >= 30;) {
    const uint8_t* const head = &bytes[at];
    const size_t size = read_u32(head + 26);
    if (bytes.size() - at - 30 < size) break;
    units.push_back({head[0], head[1] & 1, head[1] >> 1, read_i64(head + 2),
                     read_i64(head + 10), read_i64(head + 18), to_hex(head + 30, size)});
    at += 30 + size;
  }
  return units;
}

}  // namespace ur::test
