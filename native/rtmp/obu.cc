#include "rtmp/obu.h"

namespace ur {
namespace {

constexpr uint8_t kForbidden = 0x80;
constexpr uint8_t kHasExtension = 4;
constexpr uint8_t kHasSize = 2;
constexpr uint8_t kSequenceHeader = 1;
constexpr uint8_t kTemporalDelimiter = 2;
constexpr uint32_t kMostSizeBytes = 8;
constexpr uint32_t kAv1ConfigBytes = 4;
constexpr uint8_t kAv1ConfigVersion = 0x81;

// leb128(), section 4.10.5. False: it is cut short, or too long.
bool read_size(const uint8_t* data, uint32_t size, uint32_t* at, uint64_t* value) {
  *value = 0;
  for (uint32_t i = 0; i < kMostSizeBytes && *at < size; i++) {
    const uint8_t byte = data[(*at)++];
    *value |= uint64_t{byte & 0x7FU} << (7 * i);
    if ((byte & 0x80) == 0) return true;
  }
  return false;
}

}  // namespace

bool look_at_obus(const uint8_t* data, uint32_t size, ObuLayout* layout, RtmpFailure* failure) {
  *layout = {};
  layout->open_at = size;
  for (uint32_t at = 0; at < size;) {
    const uint32_t begin = at;
    const uint8_t head = data[at++];
    const uint8_t type = (head >> 3) & 15;
    if ((head & kForbidden) != 0) {
      return failure->set(Status::kMediaInvalid, "an AV1 unit is malformed");
    }
    if ((head & kHasExtension) != 0) at++;
    if (type == kSequenceHeader) layout->has_sequence_header = true;
    if ((head & kHasSize) == 0) {
      layout->open_at = begin;
      return at <= size || failure->set(Status::kMediaInvalid, "an AV1 unit is cut short");
    }
    uint64_t length = 0;
    if (at > size || !read_size(data, size, &at, &length) || length > size - at) {
      return failure->set(Status::kMediaInvalid, "an AV1 unit is longer than its frame");
    }
    at += static_cast<uint32_t>(length);
    if (type == kTemporalDelimiter && begin == 0) layout->begin = at;
  }
  return true;
}

void append_with_size(const uint8_t* data, uint32_t size, std::vector<uint8_t>* into) {
  const uint32_t head_bytes = (data[0] & kHasExtension) != 0 ? 2 : 1;
  into->push_back(data[0] | kHasSize);
  if (head_bytes == 2) into->push_back(data[1]);
  uint32_t rest = size - head_bytes;
  do {
    into->push_back(static_cast<uint8_t>((rest & 0x7F) | (rest > 0x7F ? 0x80 : 0)));
    rest >>= 7;
  } while (rest > 0);
  into->insert(into->end(), data + head_bytes, data + size);
}

bool parse_av1_config(const uint8_t* record, uint32_t size, std::vector<uint8_t>* units,
                      RtmpFailure* failure) {
  if (size < kAv1ConfigBytes || record[0] != kAv1ConfigVersion) {
    return failure->set(Status::kMediaInvalid, "the av1C record is malformed");
  }
  ObuLayout layout;
  if (!look_at_obus(record + kAv1ConfigBytes, size - kAv1ConfigBytes, &layout, failure)) {
    return false;
  }
  if (layout.open_at != size - kAv1ConfigBytes) {
    return failure->set(Status::kMediaInvalid, "a unit of the av1C record has no size");
  }
  units->assign(record + kAv1ConfigBytes, record + size);
  return true;
}

}  // namespace ur
