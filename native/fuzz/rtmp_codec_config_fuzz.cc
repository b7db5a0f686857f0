// Any bytes as avcC, hvcC and AudioSpecificConfig.
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "rtmp/audio_config.h"
#include "rtmp/video_config.h"
#include "rtmp/wire.h"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void check(bool parsed, const ur::VideoConfig& config, const ur::RtmpFailure& failure,
           uint32_t size) {
  require(parsed == (failure.status == ur::Status::kOk));
  if (!parsed) return;
  require(config.length_bytes == 1 || config.length_bytes == 2 || config.length_bytes == 4);
  require(config.sets.size() >= 5 && config.sets.size() <= 3 * uint64_t{size});
  require(ur::read_u32(config.sets.data()) == 1);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::vector<uint8_t> record(data, data + size);
  const auto length = static_cast<uint32_t>(size);
  ur::VideoConfig video;
  ur::RtmpFailure avc, hevc, aac;
  check(ur::parse_avc_config(record.data(), length, &video, &avc), video, avc, length);
  check(ur::parse_hevc_config(record.data(), length, &video, &hevc), video, hevc, length);
  ur::AudioConfig audio;
  if (!ur::parse_audio_config(record.data(), length, &audio, &aac)) {
    require(aac.status != ur::Status::kOk);
    return 0;
  }
  require(audio.object_type >= 1 && audio.object_type <= 4 && audio.rate_index < 13 &&
          audio.channels >= 1 && audio.channels <= 7);
  uint8_t adts[ur::kAdtsBytes];
  require(ur::write_adts(adts, audio, length % 8185, &aac));
  return 0;
}
