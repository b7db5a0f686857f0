#include "rtmp/audio_config.h"

#include <iterator>

namespace ur {
namespace {

constexpr uint32_t kMaxAdtsFrame = 0x1FFF;
constexpr uint32_t kRates[] = {96000, 88200, 64000, 48000, 44100, 32000, 24000,
                               22050, 16000, 12000, 11025, 8000,  7350};
constexpr uint32_t kSbr = 5;
constexpr uint32_t kParametricStereo = 29;
constexpr uint32_t kRateInFull = 15;

class Bits {
 public:
  Bits(const uint8_t* data, uint32_t size, RtmpFailure* failure)
      : data_(data), bits_(uint64_t{size} * 8), failure_(failure) {}

  bool take(uint32_t count, uint32_t* value) {
    if (at_ + count > bits_) {
      return failure_->set(Status::kMediaInvalid, "AudioSpecificConfig: it is cut short");
    }
    *value = 0;
    for (uint32_t i = 0; i < count; i++, at_++) {
      *value = *value << 1 | ((data_[at_ >> 3] >> (7 - (at_ & 7))) & 1U);
    }
    return true;
  }

 private:
  const uint8_t* data_;
  uint64_t bits_;
  uint64_t at_ = 0;
  RtmpFailure* failure_;
};

bool unsupported(RtmpFailure* failure, std::string what) {
  return failure->set(Status::kMediaUnsupported, std::move(what));
}

bool read_object_type(Bits* bits, uint32_t* type) {
  if (!bits->take(5, type)) return false;
  if (*type != 31) return true;
  uint32_t more = 0;
  if (!bits->take(6, &more)) return false;
  *type = 32 + more;
  return true;
}

bool read_rate(Bits* bits, uint32_t* index, RtmpFailure* failure) {
  if (!bits->take(4, index)) return false;
  if (*index < std::size(kRates)) return true;
  if (*index != kRateInFull) {
    return unsupported(failure, "AAC sampling rate index " + std::to_string(*index));
  }
  uint32_t rate = 0;
  if (!bits->take(24, &rate)) return false;
  for (uint32_t i = 0; i < std::size(kRates); i++) {
    if (kRates[i] != rate) continue;
    *index = i;
    return true;
  }
  return unsupported(failure, "AAC at " + std::to_string(rate) + " Hz");
}

}  // namespace

bool parse_audio_config(const uint8_t* record, uint32_t size, AudioConfig* config,
                        RtmpFailure* failure) {
  Bits bits(record, size, failure);
  uint32_t& type = config->object_type;
  if (!read_object_type(&bits, &type) || !read_rate(&bits, &config->rate_index, failure) ||
      !bits.take(4, &config->channels)) {
    return false;
  }
  if (type == kSbr || type == kParametricStereo) {
    uint32_t rate = 0;
    if (!read_rate(&bits, &rate, failure) || !read_object_type(&bits, &type)) return false;
  }
  if (type < 1 || type > 4) {
    return unsupported(failure, "AAC object type " + std::to_string(type));
  }
  if (config->channels < 1 || config->channels > 7) {
    return unsupported(failure,
                       "AAC channel configuration " + std::to_string(config->channels));
  }
  return true;
}

uint32_t sample_rate(const AudioConfig& config) {
  return config.rate_index < std::size(kRates) ? kRates[config.rate_index] : 0;
}

uint32_t channels(const AudioConfig& config) { return config.channels == 7 ? 8 : config.channels; }

bool write_adts(uint8_t* into, const AudioConfig& config, uint32_t size, RtmpFailure* failure) {
  if (size > kMaxAdtsFrame - kAdtsBytes) {
    return failure->set(Status::kMediaInvalid,
                        "an AAC frame of " + std::to_string(size) + " bytes");
  }
  const uint32_t whole = size + kAdtsBytes;
  const auto byte = [](uint32_t value) { return static_cast<uint8_t>(value); };
  into[0] = 0xFF;
  into[1] = 0xF1;
  into[2] = byte((config.object_type - 1) << 6 | config.rate_index << 2 | config.channels >> 2);
  into[3] = byte((config.channels & 3) << 6 | whole >> 11);
  into[4] = byte(whole >> 3 & 0xFF);
  into[5] = byte((whole & 7) << 5 | 0x1F);
  into[6] = 0xFC;
  return true;
}

}  // namespace ur
