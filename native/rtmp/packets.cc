#include "rtmp/packets.h"

#include "rtmp/enhanced.h"
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

// Types of the packets of AVC and AAC.
constexpr uint8_t kFrameType = 1;
constexpr uint8_t kEndType = 2;

void add(uint8_t type, const Cursor& cursor, MediaPacket packet, MediaPackets* packets) {
  packet.kind = type == kEndType     ? MediaKind::kEnd
                : type == kFrameType ? MediaKind::kFrame
                                     : MediaKind::kConfig;
  take_rest(cursor, &packet);
  packets->list[packets->count++] = packet;
}

}  // namespace

bool parse_video(uint8_t* message, uint32_t size, bool multitrack, MediaPackets* packets,
                 RtmpFailure* failure) {
  packets->count = 0;
  Cursor cursor{message, size};
  uint8_t first = 0;
  if (!cursor.byte(&first)) return cut_short(failure);
  const uint8_t frame_type = (first >> 4) & 7;
  const bool key = frame_type == kKeyFrame;
  // Then an enhanced packet is one byte of a command.
  if (frame_type == kInfoFrame) return true;
  const uint8_t id = first & 15;
  if ((first & 0x80) != 0) {
    return parse_enhanced_video(cursor, id, key, multitrack, packets, failure);
  }
  if (id != kAvc && id != kHevc) {
    return unsupported(failure, "video codec", std::to_string(id));
  }
  MediaPacket packet;
  packet.codec = id == kAvc ? MediaCodec::kH264 : MediaCodec::kH265;
  packet.key = key;
  if (!cursor.has(4)) return cut_short(failure);
  const uint8_t type = message[1];
  packet.composition_ms = type == kFrameType ? read_i24(message + 2) : 0;
  cursor.at = 5;
  if (type <= kEndType) add(type, cursor, packet, packets);
  return true;
}

bool parse_audio(uint8_t* message, uint32_t size, bool multitrack, MediaPackets* packets,
                 RtmpFailure* failure) {
  packets->count = 0;
  Cursor cursor{message, size};
  uint8_t first = 0;
  if (!cursor.byte(&first)) return cut_short(failure);
  const uint8_t format = first >> 4;
  if (format == kEnhancedAudio) {
    return parse_enhanced_audio(cursor, first & 15, multitrack, packets, failure);
  }
  if (format != kAacFormat) {
    return unsupported(failure, "audio format", std::to_string(format));
  }
  uint8_t type = 0;
  if (!cursor.byte(&type)) return cut_short(failure);
  if (type <= kFrameType) add(type, cursor, {}, packets);
  return true;
}

}  // namespace ur
