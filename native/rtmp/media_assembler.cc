#include "rtmp/media_assembler.h"

#include <algorithm>
#include <cstring>

#include "core/clock.h"
#include "rtmp/obu.h"
#include "rtmp/wire.h"

namespace ur {
namespace {

constexpr uint32_t kHeadBytes = 30;
// MPEG-TS, ISO/IEC 13818-1, table 2-34.
constexpr uint8_t kAacType = 0x0F;
constexpr uint8_t kH264Type = 0x1B;
constexpr uint8_t kH265Type = 0x24;
// Private ones: docs/access-units.md.
constexpr uint8_t kOpusType = 0x9C;
constexpr uint8_t kVp9Type = 0x9E;
constexpr uint8_t kAv1Type = 0x9F;
// AV1's temporal delimiter, which RTMP leaves out.
constexpr uint8_t kTemporalDelimiter[] = {0x12, 0x00};
constexpr char kOpusMagic[] = "OpusHead";
constexpr uint32_t kOpusHeadBytes = 19;
constexpr uint32_t kStartCodeBytes = 4;
constexpr uint8_t kH264Delimiter = 9;
constexpr uint8_t kH265Delimiter = 35;

bool is_delimiter(uint8_t head, MediaCodec codec) {
  return codec == MediaCodec::kH265 ? ((head >> 1) & 63) == kH265Delimiter
                                    : (head & 31) == kH264Delimiter;
}

uint8_t stream_type(MediaCodec codec) {
  switch (codec) {
    case MediaCodec::kH264: return kH264Type;
    case MediaCodec::kH265: return kH265Type;
    case MediaCodec::kAv1: return kAv1Type;
    case MediaCodec::kVp9: return kVp9Type;
    case MediaCodec::kAac: return kAacType;
    case MediaCodec::kOpus: return kOpusType;
  }
  return 0;
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

}  // namespace

Assembled MediaAssembler::take(const RtmpMessage& message, AccessUnit* unit,
                               RtmpFailure* failure) {
  *unit = {};
  if (message.size == 0) return Assembled::kNothing;
  return message.type == rtmp_type::kVideo ? video(message, unit, failure)
                                           : audio(message, unit, failure);
}

Assembled MediaAssembler::video(const RtmpMessage& message, AccessUnit* unit,
                                RtmpFailure* failure) {
  MediaPacket packet;
  if (!parse_video(message.data, message.size, &packet, failure)) return Assembled::kFailed;
  if (packet.kind == MediaKind::kNothing) return Assembled::kNothing;
  if (packet.kind == MediaKind::kConfig) {
    return configure_video(packet, failure) ? Assembled::kNothing : Assembled::kFailed;
  }
  if (video_codec_ != packet.codec || (needs_keyframe_ && !packet.key)) {
    dropped_frames_++;
    return Assembled::kNothing;
  }
  const bool with_sets = packet.key || sets_changed_;
  unit->add(head_.data(), kHeadBytes);
  if (!add_frame(packet, with_sets, unit, failure)) return Assembled::kFailed;
  if (unit->count == 1) return Assembled::kNothing;
  if (with_sets) sets_changed_ = false;
  needs_keyframe_ = false;
  unit->key = packet.key;
  uint64_t size = 0;
  for (const Piece& piece : unit->pieces()) size += piece.size;
  write_head(stream_type(packet.codec), packet.key, message.timestamp,
             packet.composition_ms, size - kHeadBytes, &video_counts_);
  return Assembled::kUnit;
}

Assembled MediaAssembler::audio(const RtmpMessage& message, AccessUnit* unit,
                                RtmpFailure* failure) {
  MediaPacket packet;
  if (!parse_audio(message.data, message.size, &packet, failure)) return Assembled::kFailed;
  if (packet.kind == MediaKind::kNothing) return Assembled::kNothing;
  if (packet.kind == MediaKind::kConfig) {
    return configure_audio(packet, failure) ? Assembled::kNothing : Assembled::kFailed;
  }
  if (packet.size == 0) return Assembled::kNothing;
  if (audio_codec_ != packet.codec) {
    dropped_frames_++;
    return Assembled::kNothing;
  }
  if (packet.codec == MediaCodec::kOpus) {
    unit->add(head_.data(), kHeadBytes);
    unit->add(packet.data, packet.size);
    write_head(kOpusType, false, message.timestamp, 0, packet.size, &audio_counts_);
    return Assembled::kUnit;
  }
  if (!write_adts(head_.data() + kHeadBytes, *audio_, packet.size, failure)) {
    return Assembled::kFailed;
  }
  unit->add(head_.data(), kHeadBytes + kAdtsBytes);
  unit->add(packet.data, packet.size);
  write_head(kAacType, false, message.timestamp, 0, kAdtsBytes + packet.size, &audio_counts_);
  return Assembled::kUnit;
}

bool MediaAssembler::configure_audio(const MediaPacket& packet, RtmpFailure* failure) {
  if (packet.codec == MediaCodec::kOpus) {
    if (packet.size < kOpusHeadBytes || std::memcmp(packet.data, kOpusMagic, 8) != 0) {
      return failure->set(Status::kMediaInvalid, "the OpusHead record is malformed");
    }
    audio_.reset();
  } else {
    AudioConfig config;
    if (!parse_audio_config(packet.data, packet.size, &config, failure)) return false;
    audio_ = config;
  }
  audio_codec_ = packet.codec;
  audio_record_.assign(packet.data, packet.data + packet.size);
  return true;
}

bool MediaAssembler::configure_video(const MediaPacket& packet, RtmpFailure* failure) {
  VideoConfig config;
  bool parsed = true;
  switch (packet.codec) {
    case MediaCodec::kH265:
      parsed = parse_hevc_config(packet.data, packet.size, &config, failure);
      break;
    case MediaCodec::kAv1:
      parsed = parse_av1_config(packet.data, packet.size, &config.sets, failure);
      break;
    case MediaCodec::kVp9: break;  // what it says is in each keyframe too
    default: parsed = parse_avc_config(packet.data, packet.size, &config, failure);
  }
  if (!parsed) return false;
  if (video_codec_ != packet.codec || video_.sets != config.sets) sets_changed_ = true;
  video_codec_ = packet.codec;
  video_ = std::move(config);
  video_record_.assign(packet.data, packet.data + packet.size);
  return true;
}

bool MediaAssembler::add_frame(const MediaPacket& packet, bool with_sets, AccessUnit* unit,
                               RtmpFailure* failure) {
  switch (packet.codec) {
    case MediaCodec::kAv1: return to_obus(packet, with_sets, unit, failure);
    case MediaCodec::kVp9: unit->add(packet.data, packet.size); return true;
    default: return to_annex_b(packet, with_sets, unit, failure);
  }
}

// The low-overhead format: a temporal delimiter first, and every unit says its size.
bool MediaAssembler::to_obus(const MediaPacket& packet, bool with_sets, AccessUnit* unit,
                             RtmpFailure* failure) {
  ObuLayout layout;
  if (!look_at_obus(packet.data, packet.size, &layout, failure)) return false;
  if (packet.size == 0) return true;
  const uint32_t begin = layout.begin;
  unit->add(kTemporalDelimiter, sizeof kTemporalDelimiter);
  if (with_sets && !layout.has_sequence_header) unit->add(video_.sets.data(), video_.sets.size());
  if (layout.open_at == packet.size) {
    unit->add(packet.data + begin, packet.size - begin);
    return true;
  }
  rebuilt_.assign(packet.data + begin, packet.data + layout.open_at);
  append_with_size(packet.data + layout.open_at, packet.size - layout.open_at, &rebuilt_);
  unit->add(rebuilt_.data(), rebuilt_.size());
  return true;
}

// Start codes take the place of lengths that are as long; other frames are built anew. Nothing is added
// where there is no NAL unit.
bool MediaAssembler::to_annex_b(const MediaPacket& packet, bool with_sets, AccessUnit* unit,
                                RtmpFailure* failure) {
  Layout layout;
  if (!look_at(packet, video_.length_bytes, &layout)) {
    return failure->set(Status::kMediaInvalid, "a NAL unit is longer than its frame");
  }
  if (layout.units == 0) return true;
  if (video_.length_bytes != kStartCodeBytes || layout.has_empty) {
    rebuilt_.clear();
    rebuilt_.reserve(layout.bytes + video_.sets.size());
    rebuild(packet, with_sets ? layout.sets_before : UINT32_MAX, unit);
    return true;
  }
  for (uint32_t at = 0; at < packet.size;) {
    const uint32_t size = read_u32(packet.data + at);
    write_u32(packet.data + at, 1);
    at += kStartCodeBytes + size;
  }
  const uint32_t before = with_sets ? layout.sets_before : 0;
  unit->add(packet.data, before);
  if (with_sets) unit->add(video_.sets.data(), video_.sets.size());
  unit->add(packet.data + before, packet.size - before);
  return true;
}

void MediaAssembler::rebuild(const MediaPacket& packet, uint32_t sets_before, AccessUnit* unit) {
  const uint32_t length_bytes = video_.length_bytes;
  for (uint32_t at = 0; at < packet.size;) {
    const uint8_t* const nal = packet.data + at + length_bytes;
    const uint32_t size = nal_size(packet.data + at, length_bytes);
    if (at == sets_before) rebuilt_.insert(rebuilt_.end(), video_.sets.begin(), video_.sets.end());
    if (size > 0) {
      rebuilt_.insert(rebuilt_.end(), {0, 0, 0, 1});
      rebuilt_.insert(rebuilt_.end(), nal, nal + size);
    }
    at += length_bytes + size;
  }
  if (sets_before == packet.size) {
    rebuilt_.insert(rebuilt_.end(), video_.sets.begin(), video_.sets.end());
  }
  unit->add(rebuilt_.data(), rebuilt_.size());
}

// 32 bits wrap after 49.7 days. What jumps by less than half of that is taken as it is.
int64_t MediaAssembler::time_of(uint32_t timestamp) {
  if (!clock_ && start_ms_) shift_ms_ = *start_ms_ - timestamp;
  const int64_t last = clock_.value_or(timestamp);
  clock_ = last + static_cast<int32_t>(timestamp - static_cast<uint32_t>(last));
  return std::max(*clock_ + shift_ms_, start_ms_.value_or(INT64_MIN));
}

void MediaAssembler::write_head(uint8_t type, bool key, uint32_t timestamp,
                                int32_t composition_ms, uint64_t size, TrackCounts* counts) {
  const int64_t dts = time_of(timestamp);
  const int64_t pts = dts + composition_ms;
  newest_ms_ = std::max({newest_ms_.value_or(dts), dts, pts});
  head_[0] = type;
  head_[1] = key ? 1 : 0;
  write_u64(head_.data() + 2, units_++);
  write_u64(head_.data() + 10, static_cast<uint64_t>(dts));
  write_u64(head_.data() + 18, static_cast<uint64_t>(pts));
  write_u32(head_.data() + 26, static_cast<uint32_t>(size));
  counts->units++;
  counts->bytes += size;
  counts->dts_ms = dts;
  counts->newest_ns = monotonic_ns();
  if (!key) return;
  counts->keyframes++;
  counts->keyframe_ns = counts->newest_ns;
}

}  // namespace ur
