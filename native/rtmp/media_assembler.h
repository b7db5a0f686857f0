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
#include "rtmp/chunk_reader.h"
#include "rtmp/media_facts.h"

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

// Where a stream goes on that another connection has begun.
struct Continuation {
  uint64_t units = 0;     // id of the next unit
  int64_t start_ms = 0;   // the first time: none is earlier
};

enum class Assembled : uint8_t { kNothing, kUnit, kFailed };

class MediaAssembler : public MediaFacts {
 public:
  MediaAssembler() = default;
  // Video before the first keyframe is dropped: it needs what came before.
  explicit MediaAssembler(const Continuation& after)
      : start_ms_(after.start_ms), needs_keyframe_(true) {
    units_ = after.units;
  }

  // kUnit: *unit is whole; the message's data may have been changed.
  // kFailed: kMediaInvalid, kMediaUnsupported.
  [[nodiscard]] Assembled take(const RtmpMessage& message, AccessUnit* unit,
                               RtmpFailure* failure);

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

  bool sets_changed_ = false;  // since they were last written
  std::optional<int64_t> clock_, start_ms_;
  int64_t shift_ms_ = 0;  // of all times; known with the first one
  bool needs_keyframe_ = false;
  std::array<uint8_t, 30 + kAdtsBytes> head_{};
  std::vector<uint8_t> rebuilt_;
};

}  // namespace ur
