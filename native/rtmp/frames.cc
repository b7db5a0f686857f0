#include "rtmp/frames.h"

#include "rtmp/obu.h"
#include "rtmp/wire.h"

namespace ur {
namespace {

// AV1's temporal delimiter, which RTMP leaves out.
constexpr uint8_t kTemporalDelimiter[] = {0x12, 0x00};
constexpr uint32_t kStartCodeBytes = 4;
constexpr uint8_t kH264Delimiter = 9;
constexpr uint8_t kH265Delimiter = 35;

bool is_delimiter(uint8_t head, MediaCodec codec) {
  return codec == MediaCodec::kH265 ? ((head >> 1) & 63) == kH265Delimiter
                                    : (head & 31) == kH264Delimiter;
}

uint32_t nal_size(const uint8_t* at, uint32_t length_bytes) {
  return length_bytes == 4 ? read_u32(at) : length_bytes == 2 ? read_u16(at) : at[0];
}

// The NAL units of a frame.
struct Layout {
  uint32_t units = 0;
  uint64_t bytes = 0;        // with start codes
  bool has_empty = false;    // there are some without bytes
  uint32_t sets_before = 0;  // where the first one begins that is no delimiter; or the end
};

bool look_at(const MediaPacket& packet, uint32_t length_bytes, Layout* layout) {
  layout->sets_before = packet.size;
  for (uint32_t at = 0; at < packet.size;) {
    if (packet.size - at < length_bytes) return false;
    const uint32_t size = nal_size(packet.data + at, length_bytes);
    if (size > packet.size - at - length_bytes) return false;
    if (size == 0) {
      layout->has_empty = true;
    } else {
      if (layout->sets_before == packet.size &&
          !is_delimiter(packet.data[at + length_bytes], packet.codec)) {
        layout->sets_before = at;
      }
      layout->units++;
      layout->bytes += kStartCodeBytes + size;
    }
    at += length_bytes + size;
  }
  return true;
}

// The low-overhead format: a temporal delimiter first, and every unit says its size.
bool to_obus(const MediaPacket& packet, const std::vector<uint8_t>* sets,
             std::vector<uint8_t>* rebuilt, AccessUnit* unit, RtmpFailure* failure) {
  ObuLayout layout;
  if (!look_at_obus(packet.data, packet.size, &layout, failure)) return false;
  if (packet.size == 0) return true;
  const uint32_t begin = layout.begin;
  unit->add(kTemporalDelimiter, sizeof kTemporalDelimiter);
  if (sets != nullptr && !layout.has_sequence_header) unit->add(sets->data(), sets->size());
  if (layout.open_at == packet.size) {
    unit->add(packet.data + begin, packet.size - begin);
    return true;
  }
  rebuilt->assign(packet.data + begin, packet.data + layout.open_at);
  append_with_size(packet.data + layout.open_at, packet.size - layout.open_at, rebuilt);
  unit->add(rebuilt->data(), rebuilt->size());
  return true;
}

// `sets` stand before what begins at `sets_before`; nullptr: there are none.
void rebuild(const MediaPacket& packet, uint32_t length_bytes, const std::vector<uint8_t>* sets,
             uint32_t sets_before, std::vector<uint8_t>* rebuilt) {
  const auto add_sets = [&](uint32_t at) {
    if (sets == nullptr || at != sets_before) return;
    rebuilt->insert(rebuilt->end(), sets->begin(), sets->end());
  };
  for (uint32_t at = 0; at < packet.size;) {
    const uint8_t* const nal = packet.data + at + length_bytes;
    const uint32_t size = nal_size(packet.data + at, length_bytes);
    add_sets(at);
    if (size > 0) {
      rebuilt->insert(rebuilt->end(), {0, 0, 0, 1});
      rebuilt->insert(rebuilt->end(), nal, nal + size);
    }
    at += length_bytes + size;
  }
  add_sets(packet.size);
}

// Start codes take the place of lengths that are as long; other frames are built anew. Nothing is added
// where there is no NAL unit.
bool to_annex_b(const MediaPacket& packet, uint32_t length_bytes, const std::vector<uint8_t>* sets,
                std::vector<uint8_t>* rebuilt, AccessUnit* unit, RtmpFailure* failure) {
  Layout layout;
  if (!look_at(packet, length_bytes, &layout)) {
    return failure->set(Status::kMediaInvalid, "a NAL unit is longer than its frame");
  }
  if (layout.units == 0) return true;
  if (length_bytes != kStartCodeBytes || layout.has_empty) {
    rebuilt->clear();
    rebuilt->reserve(layout.bytes + (sets == nullptr ? 0 : sets->size()));
    rebuild(packet, length_bytes, sets, layout.sets_before, rebuilt);
    unit->add(rebuilt->data(), rebuilt->size());
    return true;
  }
  for (uint32_t at = 0; at < packet.size;) {
    const uint32_t size = read_u32(packet.data + at);
    write_u32(packet.data + at, 1);
    at += kStartCodeBytes + size;
  }
  const uint32_t before = sets == nullptr ? 0 : layout.sets_before;
  unit->add(packet.data, before);
  if (sets != nullptr) unit->add(sets->data(), sets->size());
  unit->add(packet.data + before, packet.size - before);
  return true;
}

}  // namespace

bool add_frame(const MediaPacket& packet, const VideoConfig& config, bool with_sets,
               std::vector<uint8_t>* rebuilt, AccessUnit* unit, RtmpFailure* failure) {
  const std::vector<uint8_t>* const sets = with_sets ? &config.sets : nullptr;
  switch (packet.codec) {
    case MediaCodec::kAv1: return to_obus(packet, sets, rebuilt, unit, failure);
    case MediaCodec::kVp9: unit->add(packet.data, packet.size); return true;
    default: return to_annex_b(packet, config.length_bytes, sets, rebuilt, unit, failure);
  }
}

}  // namespace ur
