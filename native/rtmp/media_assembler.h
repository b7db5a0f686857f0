// Makes access units (docs/access-units.md) of the audio and video messages of one publication. Frames
// before their track's codec configuration cannot be decoded by anybody: they are dropped, and counted.
// One thread at a time.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "rtmp/chunk_reader.h"
#include "rtmp/frames.h"
#include "rtmp/media_facts.h"

namespace ur {

// Where a stream goes on that another connection has begun.
struct Continuation {
  uint64_t units = 0;     // id of the next unit
  int64_t start_ms = 0;   // the first time: none is earlier
};

enum class Assembled : uint8_t { kNothing, kUnit, kFailed };

class MediaAssembler : public MediaFacts {
 public:
  MediaAssembler() = default;
  // `multitrack`: messages for several tracks are taken. `after`: video of each track is dropped before
  // its first keyframe, which needs nothing of what came before.
  MediaAssembler(bool multitrack, const std::optional<Continuation>& after)
      : multitrack_(multitrack), continued_(after.has_value()) {
    if (!after) return;
    start_ms_ = after->start_ms;
    units_ = after->units;
  }

  // kUnit: *unit is whole; the message's data may have been changed. Of a message with several tracks
  // it is the units of all of them, that of the default track first: who begins with its keyframe
  // gets those of the others.
  // kFailed: kMediaInvalid, kMediaUnsupported, kMultitrackOff, kTrackIdTooLarge, kTooManyTracks.
  [[nodiscard]] Assembled take(const RtmpMessage& message, AccessUnit* unit,
                               RtmpFailure* failure);

 private:
  Assembled take_one(const MediaPacket& packet, bool is_video, uint32_t timestamp,
                     AccessUnit* unit, RtmpFailure* failure);
  Assembled take_all(bool is_video, uint32_t timestamp, AccessUnit* unit, RtmpFailure* failure);
  Assembled video(const MediaPacket& packet, uint32_t timestamp, AccessUnit* unit,
                  RtmpFailure* failure);
  Assembled audio(const MediaPacket& packet, uint32_t timestamp, AccessUnit* unit,
                  RtmpFailure* failure);
  bool configure_video(const MediaPacket& packet, RtmpFailure* failure);
  bool configure_audio(const MediaPacket& packet, RtmpFailure* failure);
  int64_t time_of(uint32_t timestamp);
  // `counts`: where it is counted; nullptr is nowhere.
  void write_head(uint8_t type, const MediaPacket& packet, uint32_t timestamp, uint64_t size,
                  TrackCounts* counts);

  bool multitrack_ = false;
  bool continued_ = false;
  std::optional<int64_t> clock_, start_ms_;
  int64_t shift_ms_ = 0;  // of all times; known with the first one
  MediaPackets packets_;
  std::array<uint8_t, 30 + kAdtsBytes> head_{};
  std::vector<uint8_t> rebuilt_;
  std::vector<uint8_t> joined_;  // units of one message
};

}  // namespace ur
