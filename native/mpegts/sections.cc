#include "mpegts/sections.h"

#include <algorithm>
#include <cstring>

namespace ur {
namespace {

// Before the loop of a table: id, length, id of its own, version, numbers.
constexpr size_t kHeader = 8;
constexpr size_t kCrc = 4;
constexpr size_t kLengthAt = 3;
constexpr size_t kMaxSection = 1024;

constexpr uint8_t kAssociation = 0x00;
constexpr uint8_t kProgramMap = 0x02;
constexpr uint8_t kRegistration = 0x05;
constexpr uint8_t kAc3Descriptor = 0x6A;

uint32_t read_12(const uint8_t* at) { return (at[0] & 0x0FU) << 8 | at[1]; }
uint16_t read_pid(const uint8_t* at) { return static_cast<uint16_t>((at[0] & 0x1FU) << 8 | at[1]); }

// What stands between the header and the checksum. Empty: it is another table, or there is nothing.
std::span<const uint8_t> entries(std::span<const uint8_t> section, uint8_t table, size_t header) {
  if (section.size() < header + kCrc || section[0] != table) return {};
  return section.subspan(header, section.size() - header - kCrc);
}

TsCodec codec_of(uint8_t stream_type) {
  switch (stream_type) {
    case 0x01:
    case 0x02: return TsCodec::kMpeg2Video;
    case 0x03:
    case 0x04: return TsCodec::kMpegAudio;
    case 0x0F: return TsCodec::kAac;
    case 0x11: return TsCodec::kLatm;
    case 0x1B: return TsCodec::kH264;
    case 0x24: return TsCodec::kH265;
    case 0x81: return TsCodec::kAc3;
    default: return TsCodec::kUnknown;
  }
}

// Private data say in descriptors what they are: ETSI TS 101 154, annex; Opus in MPEG-TS.
TsCodec codec_of_private(std::span<const uint8_t> descriptors) {
  while (descriptors.size() >= 2) {
    const size_t length = descriptors[1];
    if (descriptors.size() < 2 + length) break;
    if (descriptors[0] == kAc3Descriptor) return TsCodec::kAc3;
    if (descriptors[0] == kRegistration && length >= 4) {
      if (std::memcmp(&descriptors[2], "Opus", 4) == 0) return TsCodec::kOpus;
      if (std::memcmp(&descriptors[2], "AC-3", 4) == 0) return TsCodec::kAc3;
      if (std::memcmp(&descriptors[2], "HEVC", 4) == 0) return TsCodec::kH265;
    }
    descriptors = descriptors.subspan(2 + length);
  }
  return TsCodec::kUnknown;
}

bool is_video(TsCodec codec) {
  return codec == TsCodec::kH264 || codec == TsCodec::kH265 || codec == TsCodec::kMpeg2Video;
}

}  // namespace

std::span<const uint8_t> SectionReader::take(std::span<const uint8_t> payload, bool begins) {
  if (begins) {
    section_.clear();
    wanted_ = 0;
    if (payload.empty() || payload.size() < size_t{1} + payload[0] + kLengthAt) return {};
    payload = payload.subspan(size_t{1} + payload[0]);
    wanted_ = kLengthAt + read_12(&payload[1]);
    if (wanted_ > kMaxSection) wanted_ = 0;
  }
  if (wanted_ == 0) return {};
  const size_t more = std::min(wanted_ - section_.size(), payload.size());
  section_.insert(section_.end(), payload.begin(),
                  payload.begin() + static_cast<std::ptrdiff_t>(more));
  if (section_.size() < wanted_) return {};
  wanted_ = 0;
  return section_;
}

const char* codec_name(TsCodec codec) {
  switch (codec) {
    case TsCodec::kH264: return "h264";
    case TsCodec::kH265: return "h265";
    case TsCodec::kMpeg2Video: return "mpeg2video";
    case TsCodec::kAac: return "aac";
    case TsCodec::kLatm: return "aac_latm";
    case TsCodec::kMpegAudio: return "mpeg_audio";
    case TsCodec::kAc3: return "ac3";
    case TsCodec::kOpus: return "opus";
    case TsCodec::kUnknown: break;
  }
  return nullptr;
}

std::optional<uint16_t> parse_association(std::span<const uint8_t> section) {
  std::span<const uint8_t> programs = entries(section, kAssociation, kHeader);
  for (; programs.size() >= 4; programs = programs.subspan(4)) {
    // Program 0 is the network's own table.
    if (programs[0] != 0 || programs[1] != 0) return read_pid(&programs[2]);
  }
  return std::nullopt;
}

std::optional<TsProgram> parse_program_map(std::span<const uint8_t> section) {
  constexpr size_t kMapHeader = kHeader + 4;
  std::span<const uint8_t> streams = entries(section, kProgramMap, kMapHeader);
  if (streams.empty()) return std::nullopt;
  const size_t about_program = read_12(&section[kMapHeader - 2]);
  if (streams.size() < about_program) return std::nullopt;
  streams = streams.subspan(about_program);
  TsProgram program;
  while (streams.size() >= 5) {
    const size_t length = read_12(&streams[3]);
    if (streams.size() < 5 + length) return std::nullopt;
    TsCodec codec = codec_of(streams[0]);
    if (codec == TsCodec::kUnknown) codec = codec_of_private(streams.subspan(5, length));
    TsStream& stream = is_video(codec) ? program.video : program.audio;
    if (codec != TsCodec::kUnknown && stream.pid == 0) stream = {read_pid(&streams[1]), codec};
    streams = streams.subspan(5 + length);
  }
  return program;
}

}  // namespace ur
