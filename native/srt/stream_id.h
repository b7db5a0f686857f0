// What an SRT caller says in its stream id, SRTO_STREAMID. Pure: any thread, no libsrt. The forms are
// those of the SRT access control guidelines (`#!::key=value,...`), `publish:path[:user[:password]]`,
// `bearer:token`, and anything else as a bare name.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace ur {

// SRTO_STREAMID holds no more.
inline constexpr size_t kMaxStreamId = 512;

enum class SrtType : uint8_t { kUnsaid, kStream, kFile };

struct StreamId {
  std::string resource;
  std::string user;
  // Secrets.
  std::string password;
  std::string token;
  SrtType type = SrtType::kUnsaid;
  // Length of the body in bytes; where it is declared the client may stay for its answer.
  bool has_length = false;
  uint64_t length = 0;
  // Under which the answer can be fetched; a secret. Empty: it is not kept.
  std::string answer_id;
};

enum class StreamIdResult : uint8_t {
  kOk,
  // Too long, a control character, not UTF-8, a key twice, a value that cannot be.
  kMalformed,
  // It wants something else than to publish.
  kNotPublish,
};

// `out` is whole where the result is kOk, and has no meaning otherwise.
[[nodiscard]] StreamIdResult parse_stream_id(std::string_view text, StreamId* out);

}  // namespace ur
