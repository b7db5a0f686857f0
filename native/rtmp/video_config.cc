#include "rtmp/video_config.h"

#include "rtmp/packets.h"
#include "rtmp/wire.h"

namespace ur {
namespace {

constexpr uint8_t kStartCode[] = {0, 0, 0, 1};

class Record {
 public:
  Record(const uint8_t* data, uint32_t size, const char* name, RtmpFailure* failure)
      : data_(data), size_(size), name_(name), failure_(failure) {}

  bool broken(const std::string& detail) {
    return failure_->set(Status::kMediaInvalid, std::string(name_) + ": " + detail);
  }
  bool skip(uint32_t count) {
    if (count > size_ - at_) return broken("it is cut short");
    at_ += count;
    return true;
  }
  bool byte(uint32_t* value) {
    if (!skip(1)) return false;
    *value = data_[at_ - 1];
    return true;
  }
  bool word(uint32_t* value) {
    if (!skip(2)) return false;
    *value = read_u16(data_ + at_ - 2);
    return true;
  }

  bool begin() {
    if (size_ > kMaxRecordBytes) return broken("it has " + std::to_string(size_) + " bytes");
    uint32_t version = 0;
    if (!byte(&version)) return false;
    return version == 1 || broken("its version is not 1");
  }
  bool nal_length(VideoConfig* config) {
    uint32_t value = 0;
    if (!byte(&value)) return false;
    config->length_bytes = (value & 3) + 1;
    return config->length_bytes != 3 || broken("its NAL lengths have 3 bytes");
  }
  bool take_sets(uint32_t count, VideoConfig* config) {
    for (uint32_t i = 0; i < count; i++) {
      uint32_t size = 0;
      if (!word(&size) || !skip(size)) return false;
      if (size == 0) continue;
      config->sets.insert(config->sets.end(), kStartCode, kStartCode + 4);
      config->sets.insert(config->sets.end(), data_ + at_ - size, data_ + at_);
    }
    return true;
  }
  bool end(const VideoConfig& config) {
    return !config.sets.empty() || broken("it has no parameter sets");
  }

 private:
  const uint8_t* data_;
  uint32_t size_;
  const char* name_;
  RtmpFailure* failure_;
  uint32_t at_ = 0;
};

}  // namespace

bool parse_avc_config(const uint8_t* record, uint32_t size, VideoConfig* config,
                      RtmpFailure* failure) {
  *config = {};
  Record fields(record, size, "avcC", failure);
  uint32_t count = 0;
  return fields.begin() && fields.skip(3) && fields.nal_length(config) && fields.byte(&count) &&
         fields.take_sets(count & 31, config) && fields.byte(&count) &&
         fields.take_sets(count, config) && fields.end(*config);
}

bool parse_hevc_config(const uint8_t* record, uint32_t size, VideoConfig* config,
                       RtmpFailure* failure) {
  *config = {};
  Record fields(record, size, "hvcC", failure);
  uint32_t arrays = 0;
  if (!fields.begin() || !fields.skip(20) || !fields.nal_length(config) ||
      !fields.byte(&arrays)) {
    return false;
  }
  for (; arrays > 0; arrays--) {
    uint32_t count = 0;
    if (!fields.skip(1) || !fields.word(&count) || !fields.take_sets(count, config)) return false;
  }
  return fields.end(*config);
}

}  // namespace ur
