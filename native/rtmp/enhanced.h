// Messages with the extended header of Enhanced RTMP v2: ExVideoTagHeader and ExAudioTagHeader.
#pragma once

#include <cstdint>

#include "rtmp/packets.h"

namespace ur {

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

void take_rest(const Cursor& cursor, MediaPacket* packet);
// These return false, so that a parser can.
bool cut_short(RtmpFailure* failure);
bool unsupported(RtmpFailure* failure, const char* what, std::string which);

// `cursor` stands behind the message's first byte, whose low bits are `type`. Fails as parse_video.
[[nodiscard]] bool parse_enhanced_video(Cursor cursor, uint8_t type, bool key, bool multitrack,
                                        MediaPackets* packets, RtmpFailure* failure);
[[nodiscard]] bool parse_enhanced_audio(Cursor cursor, uint8_t type, bool multitrack,
                                        MediaPackets* packets, RtmpFailure* failure);

}  // namespace ur
