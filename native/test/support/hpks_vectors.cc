#include "test/support/hpks_vectors.h"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace ur::hpks {
namespace {

uint8_t byte_of(const std::string& hex) {
  return static_cast<uint8_t>(std::stoul(hex, nullptr, 16));
}

/// Hex tokens; XX*N is XX repeated N times; `*hole` is where ?? stands.
Bytes bytes_of(const std::string& text, size_t* hole = nullptr) {
  Bytes bytes;
  std::istringstream tokens(text);
  for (std::string token; tokens >> token;) {
    const size_t star = token.find('*');
    const size_t times = star == std::string::npos ? 1 : std::stoul(token.substr(star + 1));
    const std::string hex = token.substr(0, star);
    for (size_t time = 0; time < times; time++) {
      for (size_t at = 0; at < hex.size(); at += 2) {
        const bool is_hole = hex[at] == '?';
        if (is_hole && hole != nullptr) *hole = bytes.size();
        bytes.push_back(is_hole ? 0 : byte_of(hex.substr(at, 2)));
      }
    }
  }
  return bytes;
}

ByteRule byte_rule_of(const std::string& text) {
  ByteRule rule;
  std::istringstream words(text);
  words >> rule.field >> rule.error;
  std::string frame;
  std::getline(words, frame, ':');
  rule.frame = bytes_of(frame, &rule.position);
  for (std::string range; words >> range;) {
    const unsigned first = byte_of(range);
    const unsigned last = range.size() > 2 ? byte_of(range.substr(3)) : first;
    for (unsigned byte = first; byte <= last; byte++) {
      rule.allowed.insert(static_cast<uint8_t>(byte));
    }
  }
  return rule;
}

void add_line(Vector* vector, const std::string& key, const std::string& rest) {
  if (key == "=") {
    vector->expected.push_back(rest);
  } else if (key == "encodes-otherwise") {
    vector->encodes_otherwise = true;
  } else if (key == "limits") {
    std::istringstream(rest) >> vector->limits.max_field_bytes >> vector->limits.max_frame_bytes;
  } else {
    vector->is_message = key == "hpk1";
    const Bytes bytes = bytes_of(rest);
    vector->bytes.insert(vector->bytes.end(), bytes.begin(), bytes.end());
  }
}

std::string hex_of(std::span<const uint8_t> bytes) {
  std::string hex;
  for (const uint8_t byte : bytes) {
    char digits[3];
    std::snprintf(digits, sizeof digits, "%02x", byte);
    hex += digits;
  }
  return hex;
}

std::string quoted(std::string_view text) {
  std::string result = "\"";
  for (const char character : text) {
    const auto byte = static_cast<uint8_t>(character);
    if (byte < 0x20 || byte > 0x7e || byte == '"' || byte == '\\') {
      result += "\\x" + hex_of({&byte, 1});
    } else {
      result += character;
    }
  }
  return result + '"';
}

void render_head(const Head& head, Lines* lines) {
  const std::string version = std::to_string(static_cast<int>(head.version));
  if (head.kind == Kind::kResponse) {
    lines->push_back("response version " + version + " status " + std::to_string(head.status));
  } else {
    lines->push_back("request version " + version + " method " + quoted(head.method) +
                     " scheme " + quoted(head.scheme) + " authority " + quoted(head.authority) +
                     " path " + quoted(head.path));
  }
  for (const Header& header : head.headers) {
    lines->push_back("header " + quoted(header.name) + " " + quoted(header.value));
  }
}

std::string with_data(const std::string& words, std::span<const uint8_t> data) {
  return data.empty() ? words : words + " " + hex_of(data);
}

}  // namespace

Fixture read_fixture() {
  namespace fs = std::filesystem;
  fs::path folder = fs::current_path();
  const fs::path name = "test/fixtures/hpks-vectors.txt";
  while (!fs::exists(folder / name) && folder.has_relative_path()) folder = folder.parent_path();
  std::ifstream file(folder / name);
  Fixture fixture;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#') continue;
    const size_t space = line.find(' ');
    const std::string key = line.substr(0, space);
    const std::string rest = space == std::string::npos ? "" : line.substr(space + 1);
    if (key == "vector") {
      fixture.vectors.emplace_back().name = rest;
    } else if (key == "bytes") {
      fixture.byte_rules.push_back(byte_rule_of(rest));
    } else {
      add_line(&fixture.vectors.back(), key, rest);
    }
  }
  return fixture;
}

Lines render(const Frame& frame) {
  const char* type = frame.type == FrameType::kHeaders ? "headers"
                     : frame.type == FrameType::kBody  ? "body"
                                                       : "end";
  Lines lines{std::string("frame ") + type + " stream " + std::to_string(frame.stream_id)};
  if (frame.type == FrameType::kHeaders) render_head(frame.head, &lines);
  if (frame.type == FrameType::kBody) lines[0] = with_data(lines[0] + " data", frame.data);
  return lines;
}

Lines render(const Message& message) {
  Lines lines{"message"};
  render_head(message.head, &lines);
  lines.push_back(with_data("body", message.body));
  return lines;
}

}  // namespace ur::hpks
