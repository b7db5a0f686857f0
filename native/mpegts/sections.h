// The tables of a transport stream: ISO/IEC 13818-1, section 2.4.4.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace ur {

// Puts the sections of one PID together, packet by packet. A section that follows another one in its
// packet is left out: association and map tables come alone.
class SectionReader {
 public:
  // `payload` of one packet; `begins`: it has a pointer field. A whole section, or nothing yet; it stands
  // until the next call.
  std::span<const uint8_t> take(std::span<const uint8_t> payload, bool begins);

 private:
  std::vector<uint8_t> section_;
  size_t wanted_ = 0;  // 0: waits for a beginning
};

enum class TsCodec : uint8_t { kUnknown, kH264, kH265, kMpeg2Video, kAac, kLatm, kMpegAudio, kAc3, kOpus };

// As users read it: "h264"; nullptr: unknown.
[[nodiscard]] const char* codec_name(TsCodec codec);

struct TsStream {
  uint16_t pid = 0;
  TsCodec codec = TsCodec::kUnknown;
};

struct TsProgram {
  TsStream video;  // the first one of each; PID 0: there is none
  TsStream audio;
};

// PID of the first program's map, section 2.4.4.3. Nothing: it is no association table, or broken.
[[nodiscard]] std::optional<uint16_t> parse_association(std::span<const uint8_t> section);
// Section 2.4.4.8. Nothing: it is no map of a program, or broken.
[[nodiscard]] std::optional<TsProgram> parse_program_map(std::span<const uint8_t> section);

}  // namespace ur
