// Bytes as hex digits, which tests of wire formats are easiest to read in.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ur::test {

// Spaces are skipped.
inline std::vector<uint8_t> from_hex(std::string_view text) {
  std::string digits;
  for (const char digit : text) {
    if (digit != ' ') digits += digit;
  }
  std::vector<uint8_t> bytes;
  for (size_t i = 0; i + 1 < digits.size(); i += 2) {
    bytes.push_back(static_cast<uint8_t>(std::stoi(digits.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

inline std::string to_hex(const uint8_t* bytes, size_t size) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (size_t i = 0; i < size; i++) {
    text += kDigits[bytes[i] >> 4];
    text += kDigits[bytes[i] & 15];
  }
  return text;
}

inline std::string to_hex(const std::vector<uint8_t>& bytes) {
  return to_hex(bytes.data(), bytes.size());
}

}  // namespace ur::test
