// Makes access units (docs/access-units.md) of the audio and video messages of one publication. Frames
// before their track's codec configuration cannot be decoded by anybody: they are dropped, and counted.
// One thread at a time.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "feed/lane_feed.h"
#include "rtmp/audio_config.h"
#include "rtmp/chunk_reader.h"
#include "rtmp/packets.h"
#include "rtmp/video_config.h"

namespace ur {

// A unit with its record, in pieces that are good until the next call or the message's end.
struct AccessUnit {
  std::array<Piece, 4> parts;
  size_t count = 0;
  bool key = false;

  std::span<const Piece> pieces() const { return {parts.data(), count}; }
  void add(const uint8_t* data, uint64_t size) {
    if (size > 0) parts[count++] = {data, size};
  }
};

// The units of one track so far.
struct TrackCounts {
  uint64_t units = 0;
  uint64_t bytes = 0;  // of their data
  uint64_t keyframes = 0;
  int64_t dts_ms = 0;  // of the newest one
  uint64_t newest_ns = 0;  // when it came, of monotonic_ns(); 0: none has
  uint64_t keyframe_ns = 0;
};

// Where a stream goes on that another connection has begun.
struct Continuation {
  uint64_t units = 0;     // id of the next unit
  int64_t start_ms = 0;   // the first time: none is earlier
};

enum class Assembled : uint8_t { kNothing, kUnit, kFailed };

class MediaAssembler {
 public:
  MediaAssembler() = default;
  // Video before the first keyframe is dropped: it needs what came before.
  explicit MediaAssembler(const Continuation& after)
      : start_ms_(after.start_ms), needs_keyframe_(true), units_(after.units) {}

  // kUnit: *unit is whole; the message's data may have been changed.
  // kFailed: kMediaInvalid, kMediaUnsupported.
  [[nodiscard]] Assembled take(const RtmpMessage& message, AccessUnit* unit,
                               RtmpFailure* failure);

  // The newest codec configurations as they came: avcC, hvcC, av1C or vpcC; AudioSpecificConfig or
  // OpusHead; or nothing.
  const std::vector<uint8_t>& video_record() const { return video_record_; }
  const std::vector<uint8_t>& audio_record() const { return audio_record_; }
  // Nothing before a configuration. The sets are Annex B, or AV1's units; VP9 has none.
  std::optional<MediaCodec> video_codec() const { return video_codec_; }
  const std::vector<uint8_t>& video_sets() const { return video_.sets; }
  std::optional<MediaCodec> audio_codec() const { return audio_codec_; }
  // Of AAC.
  const std::optional<AudioConfig>& audio_config() const { return audio_; }
  const TrackCounts& video_counts() const { return video_counts_; }
  const TrackCounts& audio_counts() const { return audio_counts_; }
  uint64_t dropped_frames() const { return dropped_frames_; }
  // Id of the next unit, and the greatest time of one; nothing before the first.
  uint64_t units() const { return units_; }
  std::optional<int64_t> newest_ms() const { return newest_ms_; }

 private:
  Assembled video(const RtmpMessage& message, AccessUnit* unit, RtmpFailure* failure);
  Assembled audio(const RtmpMessage& message, AccessUnit* unit, RtmpFailure* failure);
  bool configure_video(const MediaPacket& packet, RtmpFailure* failure);
  bool configure_audio(const MediaPacket& packet, RtmpFailure* failure);
  // Adds the data of a frame; nothing where it has none.
  bool add_frame(const MediaPacket& packet, bool with_sets, AccessUnit* unit,
                 RtmpFailure* failure);
  bool to_obus(const MediaPacket& packet, bool with_sets, AccessUnit* unit,
               RtmpFailure* failure);
  bool to_annex_b(const MediaPacket& packet, bool with_sets, AccessUnit* unit,
                  RtmpFailure* failure);
  void rebuild(const MediaPacket& packet, uint32_t sets_before, AccessUnit* unit);
  int64_t time_of(uint32_t timestamp);
  void write_head(uint8_t type, bool key, uint32_t timestamp, int32_t composition_ms,
                  uint64_t size, TrackCounts* counts);

  std::vector<uint8_t> video_record_, audio_record_;
  std::optional<MediaCodec> video_codec_;
  VideoConfig video_;
  bool sets_changed_ = false;  // since they were last written
  std::optional<MediaCodec> audio_codec_;
  std::optional<AudioConfig> audio_;
  std::optional<int64_t> clock_, start_ms_, newest_ms_;
  int64_t shift_ms_ = 0;  // of all times; known with the first one
  bool needs_keyframe_ = false;
  uint64_t units_ = 0;
  uint64_t dropped_frames_ = 0;
  TrackCounts video_counts_, audio_counts_;
  std::array<uint8_t, 30 + kAdtsBytes> head_{};
  std::vector<uint8_t> rebuilt_;
};

}  // namespace ur
