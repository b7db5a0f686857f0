// The tracks of one publication that have a codec configuration, sorted by their ids.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "rtmp/audio_config.h"
#include "rtmp/packets.h"
#include "rtmp/video_config.h"

namespace ur {

struct VideoTrack {
  uint8_t id = 0;
  bool ended = false;  // the publisher said so; a frame takes it back
  MediaCodec codec = MediaCodec::kH264;
  VideoConfig config;           // the sets are Annex B, or AV1's units; VP9 has none
  std::vector<uint8_t> record;  // as it came: avcC, hvcC, av1C or vpcC
  bool sets_changed = true;     // since they were last written
  bool needs_keyframe = false;
};

struct AudioTrack {
  uint8_t id = 0;
  bool ended = false;
  MediaCodec codec = MediaCodec::kAac;
  std::optional<AudioConfig> config;  // of AAC
  std::vector<uint8_t> record;        // AudioSpecificConfig or OpusHead
};

// The default track: the one with the lowest id that has not ended. nullptr: there is no track.
template <class Track>
const Track* default_track(const std::vector<Track>& tracks) {
  for (const Track& track : tracks) {
    if (!track.ended) return &track;
  }
  return tracks.empty() ? nullptr : tracks.data();
}

// nullptr: it has no configuration.
template <class Track>
Track* find_track(std::vector<Track>& tracks, uint8_t id) {
  for (Track& track : tracks) {
    if (track.id == id) return &track;
  }
  return nullptr;
}

// Finds it, or makes it. nullptr: there are kMaxTracks already.
template <class Track>
Track* make_track(std::vector<Track>* tracks, uint8_t id, const Track& made) {
  if (Track* const found = find_track(*tracks, id)) return found;
  if (tracks->size() == kMaxTracks) return nullptr;
  const auto at = std::find_if(tracks->begin(), tracks->end(),
                               [id](const Track& track) { return track.id > id; });
  Track* const track = &*tracks->insert(at, made);
  track->id = id;
  return track;
}

}  // namespace ur
