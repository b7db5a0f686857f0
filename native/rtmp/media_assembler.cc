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
constexpr char kOpusMagic[] = "OpusHead";
constexpr uint32_t kOpusHeadBytes = 19;

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

bool check_record(const MediaPacket& packet, RtmpFailure* failure) {
  if (packet.size <= kMaxRecordBytes) return true;
  return failure->set(Status::kMediaInvalid, "a codec configuration of " +
                                                 std::to_string(packet.size) + " bytes");
}

bool too_many_tracks(RtmpFailure* failure) {
  return failure->set(Status::kTooManyTracks, "more than " + std::to_string(kMaxTracks));
}

template <class Track>
void end_track(std::vector<Track>& tracks, uint8_t id) {
  if (Track* const track = find_track(tracks, id)) track->ended = true;
}

}  // namespace

Assembled MediaAssembler::take(const RtmpMessage& message, AccessUnit* unit,
                               RtmpFailure* failure) {
  *unit = {};
  if (message.size == 0) return Assembled::kNothing;
  const bool is_video = message.type == rtmp_type::kVideo;
  const bool parsed =
      is_video ? parse_video(message.data, message.size, multitrack_, &packets_, failure)
               : parse_audio(message.data, message.size, multitrack_, &packets_, failure);
  if (!parsed) return Assembled::kFailed;
  if (packets_.count == 1) {
    return take_one(packets_.list[0], is_video, message.timestamp, unit, failure);
  }
  return take_all(is_video, message.timestamp, unit, failure);
}

Assembled MediaAssembler::take_all(bool is_video, uint32_t timestamp, AccessUnit* unit,
                                   RtmpFailure* failure) {
  const auto packets = packets_.all();
  if (const VideoTrack* const leading = default_video(); is_video && leading != nullptr) {
    const auto first = std::find_if(packets.begin(), packets.end(), [&](const MediaPacket& one) {
      return one.track == leading->id;
    });
    if (first != packets.end()) std::rotate(packets.begin(), first, first + 1);
  }
  joined_.clear();
  bool key = false;
  for (const MediaPacket& packet : packets) {
    AccessUnit one;
    const Assembled result = take_one(packet, is_video, timestamp, &one, failure);
    if (result == Assembled::kFailed) return result;
    if (result == Assembled::kNothing) continue;
    for (const Piece& piece : one.pieces()) {
      joined_.insert(joined_.end(), piece.data, piece.data + piece.size);
    }
    key = key || one.key;
  }
  unit->add(joined_.data(), joined_.size());
  unit->key = key;
  return unit->count == 0 ? Assembled::kNothing : Assembled::kUnit;
}

Assembled MediaAssembler::take_one(const MediaPacket& packet, bool is_video, uint32_t timestamp,
                                   AccessUnit* unit, RtmpFailure* failure) {
  switch (packet.kind) {
    case MediaKind::kConfig: {
      const bool done = is_video ? configure_video(packet, failure)
                                 : configure_audio(packet, failure);
      return done ? Assembled::kNothing : Assembled::kFailed;
    }
    case MediaKind::kEnd:
      if (is_video) end_track(video_, packet.track);
      else end_track(audio_, packet.track);
      return Assembled::kNothing;
    default:
      return is_video ? video(packet, timestamp, unit, failure)
                      : audio(packet, timestamp, unit, failure);
  }
}

Assembled MediaAssembler::video(const MediaPacket& packet, uint32_t timestamp, AccessUnit* unit,
                                RtmpFailure* failure) {
  VideoTrack* const track = find_track(video_, packet.track);
  if (track == nullptr || track->codec != packet.codec ||
      (track->needs_keyframe && !packet.key)) {
    dropped_frames_++;
    return Assembled::kNothing;
  }
  const bool with_sets = packet.key || track->sets_changed;
  unit->add(head_.data(), kHeadBytes);
  if (!add_frame(packet, track->config, with_sets, &rebuilt_, unit, failure)) {
    return Assembled::kFailed;
  }
  if (unit->count == 1) return Assembled::kNothing;
  if (with_sets) track->sets_changed = false;
  track->needs_keyframe = false;
  track->ended = false;
  const bool leads = track == default_video();
  unit->key = packet.key && leads;
  uint64_t size = 0;
  for (const Piece& piece : unit->pieces()) size += piece.size;
  write_head(stream_type(packet.codec), packet, timestamp, size - kHeadBytes,
             leads ? &video_counts_ : nullptr);
  return Assembled::kUnit;
}

Assembled MediaAssembler::audio(const MediaPacket& packet, uint32_t timestamp, AccessUnit* unit,
                                RtmpFailure* failure) {
  if (packet.size == 0) return Assembled::kNothing;
  AudioTrack* const track = find_track(audio_, packet.track);
  if (track == nullptr || track->codec != packet.codec) {
    dropped_frames_++;
    return Assembled::kNothing;
  }
  uint32_t adts_bytes = 0;
  if (track->config) {
    if (!write_adts(head_.data() + kHeadBytes, *track->config, packet.size, failure)) {
      return Assembled::kFailed;
    }
    adts_bytes = kAdtsBytes;
  }
  track->ended = false;
  unit->add(head_.data(), kHeadBytes + adts_bytes);
  unit->add(packet.data, packet.size);
  write_head(stream_type(packet.codec), packet, timestamp, adts_bytes + packet.size,
             track == default_audio() ? &audio_counts_ : nullptr);
  return Assembled::kUnit;
}

bool MediaAssembler::configure_audio(const MediaPacket& packet, RtmpFailure* failure) {
  std::optional<AudioConfig> config;
  if (packet.codec == MediaCodec::kOpus) {
    if (packet.size < kOpusHeadBytes || std::memcmp(packet.data, kOpusMagic, 8) != 0) {
      return failure->set(Status::kMediaInvalid, "the OpusHead record is malformed");
    }
  } else if (!parse_audio_config(packet.data, packet.size, &config.emplace(), failure)) {
    return false;
  }
  if (!check_record(packet, failure)) return false;
  AudioTrack* const track = make_track(&audio_, packet.track, AudioTrack{});
  if (track == nullptr) return too_many_tracks(failure);
  track->ended = false;
  track->codec = packet.codec;
  track->config = config;
  track->record.assign(packet.data, packet.data + packet.size);
  return true;
}

bool MediaAssembler::configure_video(const MediaPacket& packet, RtmpFailure* failure) {
  if (!check_record(packet, failure)) return false;
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
  VideoTrack made;
  made.needs_keyframe = continued_;
  VideoTrack* const track = make_track(&video_, packet.track, made);
  if (track == nullptr) return too_many_tracks(failure);
  if (track->codec != packet.codec || track->config.sets != config.sets) {
    track->sets_changed = true;
  }
  track->ended = false;
  track->codec = packet.codec;
  track->config = std::move(config);
  track->record.assign(packet.data, packet.data + packet.size);
  return true;
}

// 32 bits wrap after 49.7 days. What jumps by less than half of that is taken as it is.
int64_t MediaAssembler::time_of(uint32_t timestamp) {
  if (!clock_ && start_ms_) shift_ms_ = *start_ms_ - timestamp;
  const int64_t last = clock_.value_or(timestamp);
  clock_ = last + static_cast<int32_t>(timestamp - static_cast<uint32_t>(last));
  return std::max(*clock_ + shift_ms_, start_ms_.value_or(INT64_MIN));
}

void MediaAssembler::write_head(uint8_t type, const MediaPacket& packet, uint32_t timestamp,
                                uint64_t size, TrackCounts* counts) {
  const int64_t dts = time_of(timestamp);
  const int64_t pts = dts + packet.composition_ms;
  newest_ms_ = std::max({newest_ms_.value_or(dts), dts, pts});
  head_[0] = type;
  head_[1] = static_cast<uint8_t>(packet.track << 1 | (packet.key ? 1 : 0));
  write_u64(head_.data() + 2, units_++);
  write_u64(head_.data() + 10, static_cast<uint64_t>(dts));
  write_u64(head_.data() + 18, static_cast<uint64_t>(pts));
  write_u32(head_.data() + 26, static_cast<uint32_t>(size));
  if (counts == nullptr) return;
  counts->units++;
  counts->bytes += size;
  counts->dts_ms = dts;
  counts->newest_ns = monotonic_ns();
  if (!packet.key) return;
  counts->keyframes++;
  counts->keyframe_ns = counts->newest_ns;
}

}  // namespace ur
