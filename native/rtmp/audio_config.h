// What ADTS headers need of an AudioSpecificConfig: ISO/IEC 14496-3.
#pragma once

#include <cstdint>

#include "rtmp/failure.h"

namespace ur {

struct AudioConfig {
  uint32_t object_type = 0;  // 1 Main, 2 LC, 3 SSR, 4 LTP; of HE-AAC that of its core
  uint32_t rate_index = 0;
  uint32_t channels = 0;
};

// Hz.
[[nodiscard]] uint32_t sample_rate(const AudioConfig& config);
inline constexpr uint32_t kAdtsBytes = 7;

// Section 1.6.2.1. False: kMediaInvalid; kMediaUnsupported: ADTS cannot say it.
[[nodiscard]] bool parse_audio_config(const uint8_t* record, uint32_t size, AudioConfig* config,
                                      RtmpFailure* failure);

// Hz; of HE-AAC that of its core.
[[nodiscard]] uint32_t sample_rate(const AudioConfig& config);
// Configuration 7 stands for eight.
[[nodiscard]] uint32_t channels(const AudioConfig& config);

// Writes the kAdtsBytes before a frame of `size` bytes: section 1.A.2.2. False: too long, kMediaInvalid.
[[nodiscard]] bool write_adts(uint8_t* into, const AudioConfig& config, uint32_t size,
                              RtmpFailure* failure);

}  // namespace ur
