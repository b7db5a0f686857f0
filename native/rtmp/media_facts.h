// What is known of the audio and video of one publication.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "feed/track_counts.h"
#include "rtmp/audio_config.h"
#include "rtmp/packets.h"
#include "rtmp/video_config.h"

namespace ur {

// Small beside what it is gathered from: to be copied.
class MediaFacts {
 public:
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

 protected:
  std::vector<uint8_t> video_record_, audio_record_;
  std::optional<MediaCodec> video_codec_, audio_codec_;
  VideoConfig video_;
  std::optional<AudioConfig> audio_;
  TrackCounts video_counts_, audio_counts_;
  uint64_t dropped_frames_ = 0;
  uint64_t units_ = 0;
  std::optional<int64_t> newest_ms_;
};

}  // namespace ur
