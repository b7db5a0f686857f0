#include "srt/stream_id.h"

#include <charconv>
#include <vector>

namespace ur {
namespace {

// Numbers in JavaScript are exact up to here.
constexpr uint64_t kMaxLength = (uint64_t{1} << 53) - 1;

// Continuation bytes that follow `lead`; -1: it cannot lead.
int continuation_count(uint8_t lead) {
  if (lead >= 0xC2 && lead <= 0xDF) return 1;
  if (lead >= 0xE0 && lead <= 0xEF) return 2;
  if (lead >= 0xF0 && lead <= 0xF4) return 3;
  return -1;
}

// Second bytes are narrower after some leads: overlong forms, surrogates, beyond U+10FFFF.
bool is_second_byte(uint8_t lead, uint8_t byte) {
  if (lead == 0xE0) return byte >= 0xA0 && byte <= 0xBF;
  if (lead == 0xED) return byte >= 0x80 && byte <= 0x9F;
  if (lead == 0xF0) return byte >= 0x90 && byte <= 0xBF;
  if (lead == 0xF4) return byte >= 0x80 && byte <= 0x8F;
  return (byte & 0xC0) == 0x80;
}

bool is_clean_utf8(std::string_view text) {
  for (size_t at = 0; at < text.size(); ++at) {
    const auto lead = static_cast<uint8_t>(text[at]);
    if (lead < 0x20 || lead == 0x7F) return false;
    if (lead < 0x80) continue;
    const int count = continuation_count(lead);
    if (count < 0 || text.size() - at <= static_cast<size_t>(count)) return false;
    for (int i = 1; i <= count; ++i) {
      const auto byte = static_cast<uint8_t>(text[++at]);
      if (i == 1 ? !is_second_byte(lead, byte) : (byte & 0xC0) != 0x80) return false;
    }
    // U+0080..U+009F are control characters too.
    if (lead == 0xC2 && static_cast<uint8_t>(text[at]) < 0xA0) return false;
  }
  return true;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

bool read_length(std::string_view value, StreamId* out) {
  const char* const end = value.data() + value.size();
  const auto [stop, error] = std::from_chars(value.data(), end, out->length);
  out->has_length = true;
  const bool whole = error == std::errc{} && stop == end;
  // Nothing would come that could be answered.
  return whole && out->length > 0 && out->length <= kMaxLength;
}

// Long enough that nobody guesses it, and plain in a URL.
bool read_answer_id(std::string_view value, StreamId* out) {
  constexpr std::string_view kPlain =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  out->answer_id = value;
  return value.size() >= 16 && value.size() <= 64 &&
         value.find_first_not_of(kPlain) == std::string_view::npos;
}

bool read_type(std::string_view value, StreamId* out) {
  if (value == "stream") out->type = SrtType::kStream;
  else if (value == "file") out->type = SrtType::kFile;
  else return false;
  return true;
}

// Keys that nobody here knows are the worker's: it has the whole stream id.
StreamIdResult read_pair(std::string_view key, std::string_view value, StreamId* out) {
  bool good = true;
  if (key == "r") out->resource = value;
  else if (key == "u") out->user = value;
  else if (key == "s") out->password = value;
  else if (key == "user_token") out->token = value;
  else if (key == "user_len") good = read_length(value, out);
  else if (key == "user_answer") good = read_answer_id(value, out);
  else if (key == "t") good = read_type(value, out);
  else if (key == "m" && value != "publish") {
    const bool known = value == "request" || value == "bidirectional";
    return known ? StreamIdResult::kNotPublish : StreamIdResult::kMalformed;
  }
  return good ? StreamIdResult::kOk : StreamIdResult::kMalformed;
}

StreamIdResult read_pairs(std::string_view text, StreamId* out) {
  std::vector<std::string_view> seen;
  for (const std::string_view pair : split(text, ',')) {
    const size_t equals = pair.find('=');
    if (equals == 0 || equals == std::string_view::npos) return StreamIdResult::kMalformed;
    const std::string_view key = pair.substr(0, equals);
    for (const std::string_view other : seen) {
      if (other == key) return StreamIdResult::kMalformed;
    }
    seen.push_back(key);
    const StreamIdResult result = read_pair(key, pair.substr(equals + 1), out);
    if (result != StreamIdResult::kOk) return result;
  }
  return StreamIdResult::kOk;
}

// A password may hold colons.
StreamIdResult read_publish(std::string_view rest, StreamId* out) {
  const size_t path_end = rest.find(':');
  out->resource = rest.substr(0, path_end);
  if (out->resource.empty()) return StreamIdResult::kMalformed;
  if (path_end == std::string_view::npos) return StreamIdResult::kOk;
  rest.remove_prefix(path_end + 1);
  const size_t user_end = rest.find(':');
  out->user = rest.substr(0, user_end);
  if (user_end != std::string_view::npos) out->password = rest.substr(user_end + 1);
  return StreamIdResult::kOk;
}

}  // namespace

StreamIdResult parse_stream_id(std::string_view text, StreamId* out) {
  *out = StreamId{};
  if (text.size() > kMaxStreamId || !is_clean_utf8(text)) return StreamIdResult::kMalformed;
  constexpr std::string_view kPublish = "publish:";
  constexpr std::string_view kBearer = "bearer:";
  if (text.starts_with("#!::")) return read_pairs(text.substr(4), out);
  // A nested or future form of the guidelines.
  if (text.starts_with("#!")) return StreamIdResult::kMalformed;
  if (text.starts_with(kPublish)) return read_publish(text.substr(kPublish.size()), out);
  if (text.starts_with("read:") || text.starts_with("request:")) {
    return StreamIdResult::kNotPublish;
  }
  if (text.starts_with(kBearer)) {
    out->token = text.substr(kBearer.size());
    return out->token.empty() ? StreamIdResult::kMalformed : StreamIdResult::kOk;
  }
  out->resource = text;
  return StreamIdResult::kOk;
}

}  // namespace ur
