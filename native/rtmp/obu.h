// AV1's open bitstream units, as far as a frame has to be taken apart: AV1 specification, section 5.3.
#pragma once

#include <cstdint>
#include <vector>

#include "rtmp/failure.h"

namespace ur {

struct ObuLayout {
  uint32_t begin = 0;               // behind the temporal delimiter that it may begin with
  bool has_sequence_header = false;
  uint32_t open_at = 0;             // where the last one begins if it does not say its size; else the end
};

// The units of one frame, as samples of ISO BMFF have them. False: kMediaInvalid.
[[nodiscard]] bool look_at_obus(const uint8_t* data, uint32_t size, ObuLayout* layout,
                                RtmpFailure* failure);
// Writes the unit at `data`, which does not say its size, so that it does.
void append_with_size(const uint8_t* data, uint32_t size, std::vector<uint8_t>* into);
// `av1C` (AV1 in ISO BMFF, section 2.3.3): its units, a sequence header as a rule. False: kMediaInvalid.
[[nodiscard]] bool parse_av1_config(const uint8_t* record, uint32_t size,
                                    std::vector<uint8_t>* units, RtmpFailure* failure);

}  // namespace ur
