// Counts of one track of a media stream.
#pragma once

#include <cstdint>

namespace ur {

// Its units so far.
struct TrackCounts {
  uint64_t units = 0;
  uint64_t bytes = 0;  // of their data
  uint64_t keyframes = 0;
  int64_t dts_ms = 0;  // of the newest one
  uint64_t newest_ns = 0;  // when it came, of monotonic_ns(); 0: none has
  uint64_t keyframe_ns = 0;
};

}  // namespace ur
