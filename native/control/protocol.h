// What is said on the control socket: one hello, one welcome with the segment's descriptor, then
// silence; the connection's end is the news. Both messages are fixed-size structs of the machine's byte
// order (the peer is on the same machine). Normative text: docs/segment-format.md.
#pragma once

#include <cstdint>
#include <string>

#include "core/status.gen.h"

namespace ur {

inline constexpr uint64_t kControlMagic = 0x014C525443525055ULL;  // "UPRCTRL" and 0x01

struct Hello {
  uint64_t magic;
  uint32_t abi_major;
  uint32_t abi_minor;
  uint32_t role;      // WorkerRole bits
  uint32_t capacity;  // exchanges at once; 0 = does not say
  char name[64];      // NUL-padded, for humans
  char observer[32];  // the required observer that it is, or empty
  uint8_t reserved[136];
};
static_assert(sizeof(Hello) == 256);

struct Welcome {
  uint64_t magic;
  int32_t status;  // a Status; the descriptor comes only with kOk
  uint32_t worker;
  uint64_t generation;
  uint64_t segment_size;
  uint32_t abi_major;
  uint32_t abi_minor;
  char text[216];  // UTF-8, NUL-padded: why not
};
static_assert(sizeof(Welcome) == 256);

// A path of a unix socket has at most 107 bytes.
[[nodiscard]] Status check_socket_path(const std::string& path, std::string* detail);

}  // namespace ur
