// What the encoder and the decoder share: constants of the wire, and which bytes a field may hold.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/status.gen.h"

namespace ur::hpks {

inline constexpr std::string_view kFrameMagic = "HPKS";
inline constexpr std::string_view kMessageMagic = "HPK1";
inline constexpr uint8_t kFormatVersion = 1;
inline constexpr uint16_t kMinStatus = 100;
inline constexpr uint16_t kMaxStatus = 999;

// Bits of kByteClasses.
inline constexpr uint8_t kToken = 1;      // tchar of RFC 9110 section 5.6.2
inline constexpr uint8_t kScheme = 2;     // RFC 3986 section 3.1; the first byte must be kAlpha
inline constexpr uint8_t kAlpha = 4;
inline constexpr uint8_t kAuthority = 8;  // what RFC 3986 section 3.2 is made of, in any order
inline constexpr uint8_t kPath = 16;      // everything but controls, space and DEL
inline constexpr uint8_t kValue = 32;     // RFC 9110 section 5.5: HTAB, SP, VCHAR, obs-text

constexpr uint8_t classes_of(uint8_t byte) {
  const char character = static_cast<char>(byte);
  const auto among = [character](std::string_view set) {
    return set.find(character) != std::string_view::npos;
  };
  const bool alpha = (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z');
  const bool alnum = alpha || (byte >= '0' && byte <= '9');
  const bool visible = byte > 0x20 && byte != 0x7f;
  unsigned classes = 0;
  if (alnum || among("!#$%&'*+-.^_`|~")) classes |= kToken;
  if (alnum || among("+-.")) classes |= kScheme;
  if (alpha) classes |= kAlpha;
  if (alnum || among("-._~!$&'()*+,;=:@[]%")) classes |= kAuthority;
  if (visible) classes |= kPath;
  if (visible || among(" \t")) classes |= kValue;
  return static_cast<uint8_t>(classes);
}

inline constexpr std::array<uint8_t, 256> kByteClasses = [] {
  std::array<uint8_t, 256> table{};
  for (size_t byte = 0; byte < table.size(); byte++) {
    table[byte] = classes_of(static_cast<uint8_t>(byte));
  }
  return table;
}();

/// How a field is checked.
struct FieldRule {
  uint8_t first;  // the class of its first byte
  uint8_t rest;   // the class of the others
  bool may_be_empty;
  Status error;
};

inline constexpr FieldRule kMethodRule{kToken, kToken, false, Status::kHpksBadMethod};
inline constexpr FieldRule kSchemeRule{kAlpha, kScheme, true, Status::kHpksBadScheme};
inline constexpr FieldRule kAuthorityRule{kAuthority, kAuthority, true,
                                          Status::kHpksBadAuthority};
inline constexpr FieldRule kPathRule{kPath, kPath, true, Status::kHpksBadPath};
inline constexpr FieldRule kNameRule{kToken, kToken, false, Status::kHpksBadHeaderName};
inline constexpr FieldRule kValueRule{kValue, kValue, true, Status::kHpksBadHeaderValue};

/// Whether `bytes`, the start of a field or the whole of it, holds only what it may.
constexpr bool allowed(const FieldRule& rule, std::string_view bytes) {
  uint8_t wanted = rule.first;
  for (const char byte : bytes) {
    if ((kByteClasses[static_cast<uint8_t>(byte)] & wanted) == 0) return false;
    wanted = rule.rest;
  }
  return true;
}

}  // namespace ur::hpks
