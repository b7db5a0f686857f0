// The data of video frames, from how FLV has them to how access units do (docs/access-units.md).
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "feed/lane_feed.h"
#include "rtmp/packets.h"
#include "rtmp/tracks.h"

namespace ur {

// A unit with its record, in pieces that are good until the next call or the message's end; or several
// units of one message, one after the other.
struct AccessUnit {
  std::array<Piece, 4> parts;
  size_t count = 0;
  bool key = false;  // late readers may begin here: a keyframe of the default track of video

  std::span<const Piece> pieces() const { return {parts.data(), count}; }
  void add(const uint8_t* data, uint64_t size) {
    if (size > 0) parts[count++] = {data, size};
  }
};

// Adds the data of a frame; nothing where it has none. The packet's data may be changed, and `rebuilt`
// holds what cannot be taken as it is. `with_sets`: the parameter sets belong before it. False:
// kMediaInvalid.
[[nodiscard]] bool add_frame(const MediaPacket& packet, const VideoConfig& config, bool with_sets,
                             std::vector<uint8_t>* rebuilt, AccessUnit* unit,
                             RtmpFailure* failure);

}  // namespace ur
