// What is said on the control socket: one hello, one welcome with the segment's descriptor, then
// silence (but for the orders of ingress processes); the connection's end is the news. All messages
// are fixed-size structs of the machine's byte order (the peer is on the same machine). Normative
// text: docs/segment-format.md.
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
  // Of the attachment that goes on after the arbiter has changed; all zero: a new one.
  uint8_t boot_uuid[16];
  uint64_t generation;  // of its row
  uint32_t worker;      // its row
  uint8_t reserved[108];
};
static_assert(sizeof(Hello) == 256);

struct Welcome {
  uint64_t magic;
  int32_t status;  // a Status; the descriptor comes only with kOk, and not to who goes on
  uint32_t worker;
  uint64_t generation;
  uint64_t segment_size;
  uint32_t abi_major;
  uint32_t abi_minor;
  char text[216];  // UTF-8, NUL-padded: why not
};
static_assert(sizeof(Welcome) == 256);

// What an ingress process may say afterwards, as often as it likes; there is no answer.
struct Order {
  uint32_t kind;
  uint32_t worker;  // a row
};
static_assert(sizeof(Order) == 8);
inline constexpr uint32_t kOrderKill = 1;  // the worker holds a closed stream for too long

// How long an attachment outlives its connection while no arbiter lets it go on.
inline constexpr uint64_t kResumeGraceNs = 5'000'000'000;

// A path of a unix socket has at most 107 bytes.
[[nodiscard]] Status check_socket_path(const std::string& path, std::string* detail);

}  // namespace ur
