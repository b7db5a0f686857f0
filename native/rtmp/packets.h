// What the data of an audio or video message are: FLV (Adobe, 2010) and Enhanced RTMP v2.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "rtmp/failure.h"

namespace ur {

enum class MediaCodec : uint8_t { kH264, kH265, kAv1, kVp9, kAac, kOpus };
enum class MediaKind : uint8_t { kConfig, kFrame, kEnd };

// Of video, and of audio, in one publication. Each one keeps its configuration, and a message has one
// frame of each at most: what a message of a few bytes can make of that is bounded so. Encoders have ten.
inline constexpr size_t kMaxTracks = 16;
// The record of a unit has seven bits for it.
inline constexpr uint8_t kMaxTrackId = 127;
// The sets stand before every keyframe, and the record in the head; real ones have some hundred bytes.
inline constexpr uint32_t kMaxRecordBytes = 32 * 1024;

struct MediaPacket {
  MediaKind kind = MediaKind::kFrame;
  MediaCodec codec = MediaCodec::kAac;
  uint8_t track = 0;
  bool key = false;
  int32_t composition_ms = 0;  // pts - dts
  uint8_t* data = nullptr;     // a part of the message
  uint32_t size = 0;
};

// Those of one message, each of another track; none: there is nothing in it for a worker.
struct MediaPackets {
  std::array<MediaPacket, kMaxTracks> list;
  size_t count = 0;

  std::span<MediaPacket> all() { return {list.data(), count}; }
};

// `multitrack`: messages for several tracks are taken. False: kMediaInvalid, kMediaUnsupported,
// kMultitrackOff, kTrackIdTooLarge, kTooManyTracks.
[[nodiscard]] bool parse_video(uint8_t* message, uint32_t size, bool multitrack,
                               MediaPackets* packets, RtmpFailure* failure);
[[nodiscard]] bool parse_audio(uint8_t* message, uint32_t size, bool multitrack,
                               MediaPackets* packets, RtmpFailure* failure);

}  // namespace ur
