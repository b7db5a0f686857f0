// What is known of the audio and video of one publication.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "feed/track_counts.h"
#include "rtmp/tracks.h"

namespace ur {

// Small beside what it is gathered from: to be copied.
class MediaFacts {
 public:
  // nullptr before a configuration.
  const VideoTrack* default_video() const { return default_track(video_); }
  const AudioTrack* default_audio() const { return default_track(audio_); }
  const std::vector<VideoTrack>& video_tracks() const { return video_; }
  const std::vector<AudioTrack>& audio_tracks() const { return audio_; }
  // Of the default tracks: when another one becomes it, its units are added.
  const TrackCounts& video_counts() const { return video_counts_; }
  const TrackCounts& audio_counts() const { return audio_counts_; }
  uint64_t dropped_frames() const { return dropped_frames_; }
  // Id of the next unit, and the greatest time of one; nothing before the first.
  uint64_t units() const { return units_; }
  std::optional<int64_t> newest_ms() const { return newest_ms_; }

 protected:
  std::vector<VideoTrack> video_;
  std::vector<AudioTrack> audio_;
  TrackCounts video_counts_, audio_counts_;
  uint64_t dropped_frames_ = 0;
  uint64_t units_ = 0;
  std::optional<int64_t> newest_ms_;
};

}  // namespace ur
