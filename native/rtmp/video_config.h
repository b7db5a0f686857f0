// What the decoder configuration record of a video track says: ISO/IEC 14496-15.
#pragma once

#include <cstdint>
#include <vector>

#include "rtmp/failure.h"

namespace ur {

struct VideoConfig {
  uint32_t length_bytes = 4;   // of the length before each NAL unit: 1, 2 or 4
  std::vector<uint8_t> sets;   // its parameter sets with start codes, in their order
};

// `avcC`, section 5.3.3.1, and `hvcC`, section 8.3.3.1. False: kMediaInvalid.
[[nodiscard]] bool parse_avc_config(const uint8_t* record, uint32_t size, VideoConfig* config,
                                    RtmpFailure* failure);
[[nodiscard]] bool parse_hevc_config(const uint8_t* record, uint32_t size, VideoConfig* config,
                                     RtmpFailure* failure);

}  // namespace ur
