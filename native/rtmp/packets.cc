#include "rtmp/packets.h"

#include <cstring>
#include <span>

#include "rtmp/wire.h"

namespace ur {
namespace {

constexpr uint8_t kAvc = 7;
// Not of Adobe's specification, but what encoders sent before Enhanced RTMP.
constexpr uint8_t kHevc = 12;
constexpr uint8_t kKeyFrame = 1;
// The body is a command for players.
constexpr uint8_t kInfoFrame = 5;
constexpr uint8_t kAacFormat = 10;
constexpr uint8_t kEnhancedAudio = 9;

// Packet types of Enhanced RTMP.
constexpr uint8_t kSequenceStart = 0;
constexpr uint8_t kCoded = 1;
constexpr uint8_t kSequenceEnd = 2;
constexpr uint8_t kCodedX = 3;
constexpr uint8_t kMetadata = 4;
constexpr uint8_t kModifier = 7;

bool cut_short(RtmpFailure* failure) {
  return failure->set(Status::kMediaInvalid, "a packet is cut short");
}

bool unsupported(RtmpFailure* failure, const char* what, std::string which) {
  return failure->set(Status::kMediaUnsupported, std::string(what) + ' ' + std::move(which));
}

// A message and how far it is read.
struct Cursor {
  uint8_t* data;
  uint32_t size;
  uint32_t at = 0;

  bool has(uint32_t count) const { return count <= size - at; }
  bool byte(uint8_t* value) {
    if (!has(1)) return false;
    *value = data[at++];
    return true;
  }
  bool skip(uint32_t count) {
    if (!has(count)) return false;
    at += count;
    return true;
  }
};

void take_rest(const Cursor& cursor, MediaPacket* packet) {
  packet->data = cursor.data + cursor.at;
  packet->size = cursor.size - cursor.at;
}

// Passes what ModEx puts before a packet: [size - 1] (255: 16 bits more), data, [kind and packet type].
bool pass_modifiers(Cursor* cursor, uint8_t* type) {
  while (*type == kModifier) {
    uint8_t byte = 0;
    if (!cursor->byte(&byte)) return false;
    uint32_t size = uint32_t{byte} + 1;
    if (size == 256) {
      if (!cursor->has(2)) return false;
      size = read_u16(cursor->data + cursor->at) + 1;
      cursor->at += 2;
    }
    if (!cursor->skip(size) || !cursor->byte(&byte)) return false;
    *type = byte & 15;
  }
  return true;
}

// In letters, or else in hex digits.
std::string text_of(const uint8_t* four_cc) {
  std::string text(reinterpret_cast<const char*>(four_cc), 4);
  for (const char letter : text) {
    if (letter >= ' ' && letter <= '~') continue;
    constexpr char kDigits[] = "0123456789abcdef";
    text.clear();
    for (int i = 0; i < 4; i++) {
      text += kDigits[four_cc[i] >> 4];
      text += kDigits[four_cc[i] & 15];
    }
    break;
  }
  return text;
}

struct FourCc {
  char name[5];
  MediaCodec codec;
};

constexpr FourCc kVideoCodecs[] = {{"avc1", MediaCodec::kH264},
                                   {"hvc1", MediaCodec::kH265},
                                   {"av01", MediaCodec::kAv1},
                                   {"vp09", MediaCodec::kVp9}};
constexpr FourCc kAudioCodecs[] = {{"mp4a", MediaCodec::kAac}, {"Opus", MediaCodec::kOpus}};

bool find_codec(std::span<const FourCc> known, const uint8_t* four_cc, MediaCodec* codec) {
  for (const FourCc& one : known) {
    if (std::memcmp(four_cc, one.name, 4) != 0) continue;
    *codec = one.codec;
    return true;
  }
  return false;
}

// Only these may be shown in another order than they are decoded in, as far as RTMP knows.
bool has_composition_time(MediaCodec codec) {
  return codec == MediaCodec::kH264 || codec == MediaCodec::kH265;
}

bool parse_enhanced_video(Cursor cursor, uint8_t first, MediaPacket* packet,
                          RtmpFailure* failure) {
  uint8_t type = first & 15;
  if (!pass_modifiers(&cursor, &type)) return cut_short(failure);
  if (type == kMetadata || type == kSequenceEnd) return true;
  // Then the packet is one byte of a command.
  if (((first >> 4) & 7) == kInfoFrame) return true;
  if (type > kCodedX) return unsupported(failure, "video packet type", std::to_string(type));
  const uint8_t* const four_cc = cursor.data + cursor.at;
  if (!cursor.skip(4)) return cut_short(failure);
  if (!find_codec(kVideoCodecs, four_cc, &packet->codec)) {
    return unsupported(failure, "video codec", text_of(four_cc));
  }
  packet->kind = type == kSequenceStart ? MediaKind::kConfig : MediaKind::kFrame;
  if (type == kCoded && has_composition_time(packet->codec)) {
    if (!cursor.has(3)) return cut_short(failure);
    packet->composition_ms = read_i24(cursor.data + cursor.at);
    cursor.at += 3;
  }
  take_rest(cursor, packet);
  return true;
}

bool parse_enhanced_audio(Cursor cursor, uint8_t first, MediaPacket* packet,
                          RtmpFailure* failure) {
  uint8_t type = first & 15;
  if (!pass_modifiers(&cursor, &type)) return cut_short(failure);
  if (type == kSequenceEnd || type == kMetadata) return true;
  if (type > kCoded) return unsupported(failure, "audio packet type", std::to_string(type));
  const uint8_t* const four_cc = cursor.data + cursor.at;
  if (!cursor.skip(4)) return cut_short(failure);
  if (!find_codec(kAudioCodecs, four_cc, &packet->codec)) {
    return unsupported(failure, "audio codec", text_of(four_cc));
  }
  packet->kind = type == kSequenceStart ? MediaKind::kConfig : MediaKind::kFrame;
  take_rest(cursor, packet);
  return true;
}

}  // namespace

bool parse_video(uint8_t* message, uint32_t size, MediaPacket* packet, RtmpFailure* failure) {
  *packet = {};
  Cursor cursor{message, size};
  uint8_t first = 0;
  if (!cursor.byte(&first)) return cut_short(failure);
  const uint8_t frame_type = (first >> 4) & 7;
  packet->key = frame_type == kKeyFrame;
  if ((first & 0x80) != 0) return parse_enhanced_video(cursor, first, packet, failure);
  if (frame_type == kInfoFrame) return true;
  const uint8_t id = first & 15;
  if (id != kAvc && id != kHevc) {
    return unsupported(failure, "video codec", std::to_string(id));
  }
  packet->codec = id == kAvc ? MediaCodec::kH264 : MediaCodec::kH265;
  if (!cursor.has(4)) return cut_short(failure);
  const uint8_t type = message[1];
  packet->composition_ms = type == 1 ? read_i24(message + 2) : 0;
  cursor.at = 5;
  if (type <= 1) packet->kind = type == 0 ? MediaKind::kConfig : MediaKind::kFrame;
  take_rest(cursor, packet);
  return true;
}

bool parse_audio(uint8_t* message, uint32_t size, MediaPacket* packet, RtmpFailure* failure) {
  *packet = {};
  packet->codec = MediaCodec::kAac;
  Cursor cursor{message, size};
  uint8_t first = 0;
  if (!cursor.byte(&first)) return cut_short(failure);
  const uint8_t format = first >> 4;
  if (format == kEnhancedAudio) return parse_enhanced_audio(cursor, first, packet, failure);
  if (format != kAacFormat) {
    return unsupported(failure, "audio format", std::to_string(format));
  }
  uint8_t type = 0;
  if (!cursor.byte(&type)) return cut_short(failure);
  if (type <= 1) packet->kind = type == 0 ? MediaKind::kConfig : MediaKind::kFrame;
  take_rest(cursor, packet);
  return true;
}

}  // namespace ur
