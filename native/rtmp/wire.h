// Integers as RTMP and FLV have them.
#pragma once

#include <cstdint>

namespace ur {

inline uint32_t read_u16(const uint8_t* at) { return uint32_t{at[0]} << 8 | at[1]; }
inline uint32_t read_u24(const uint8_t* at) { return read_u16(at) << 8 | at[2]; }
inline uint32_t read_u32(const uint8_t* at) { return read_u24(at) << 8 | at[3]; }
inline int32_t read_i24(const uint8_t* at) {
  return static_cast<int32_t>(read_u24(at) << 8) >> 8;
}
inline uint32_t read_u32_little(const uint8_t* at) {
  return at[0] | uint32_t{at[1]} << 8 | uint32_t{at[2]} << 16 | uint32_t{at[3]} << 24;
}
inline void write_u32(uint8_t* at, uint32_t value) {
  for (int i = 0; i < 4; i++) at[i] = static_cast<uint8_t>(value >> (24 - 8 * i));
}
inline void write_u64(uint8_t* at, uint64_t value) {
  write_u32(at, static_cast<uint32_t>(value >> 32));
  write_u32(at + 4, static_cast<uint32_t>(value));
}

}  // namespace ur
