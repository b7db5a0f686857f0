// What the data of an audio or video message are: FLV (Adobe, 2010) and Enhanced RTMP v2.
#pragma once

#include <cstdint>

#include "rtmp/failure.h"

namespace ur {

enum class MediaCodec : uint8_t { kH264, kH265, kAv1, kVp9, kAac, kOpus };
enum class MediaKind : uint8_t { kNothing, kConfig, kFrame };

struct MediaPacket {
  MediaKind kind = MediaKind::kNothing;  // kNothing: there is nothing in it for a worker
  MediaCodec codec = MediaCodec::kAac;
  bool key = false;
  int32_t composition_ms = 0;  // pts - dts
  uint8_t* data = nullptr;     // a part of the message
  uint32_t size = 0;
};

// False: kMediaInvalid or kMediaUnsupported.
[[nodiscard]] bool parse_video(uint8_t* message, uint32_t size, MediaPacket* packet,
                               RtmpFailure* failure);
[[nodiscard]] bool parse_audio(uint8_t* message, uint32_t size, MediaPacket* packet,
                               RtmpFailure* failure);

}  // namespace ur
