#include "rtmp/enhanced.h"

#include <cstring>
#include <span>

#include "rtmp/wire.h"

namespace ur {
namespace {

// Packet types.
constexpr uint8_t kSequenceStart = 0;
constexpr uint8_t kCoded = 1;
constexpr uint8_t kSequenceEnd = 2;
constexpr uint8_t kCodedX = 3;
// Of audio: the order of channels, which decoders have from the configuration.
constexpr uint8_t kMetadata = 4;
constexpr uint8_t kModifier = 7;

// AvMultitrackType.
constexpr uint8_t kOneTrack = 0;
constexpr uint8_t kManyCodecs = 2;

struct FourCc {
  char name[5];
  MediaCodec codec;
};

constexpr FourCc kVideoCodecs[] = {{"avc1", MediaCodec::kH264},
                                   {"hvc1", MediaCodec::kH265},
                                   {"av01", MediaCodec::kAv1},
                                   {"vp09", MediaCodec::kVp9}};
constexpr FourCc kAudioCodecs[] = {{"mp4a", MediaCodec::kAac}, {"Opus", MediaCodec::kOpus}};

// What video and audio differ in.
struct Family {
  const char* name;
  std::span<const FourCc> codecs;
  uint8_t last_type;   // of a track's packets
  uint8_t multitrack;  // the packet type that says so
};

constexpr Family kVideo{"video", kVideoCodecs, kCodedX, 6};
constexpr Family kAudio{"audio", kAudioCodecs, kSequenceEnd, 5};

// Passes what ModEx puts before a packet: [size - 1] (255: 16 bits more), data, [kind and packet type].
bool pass_modifiers(Cursor* cursor, uint8_t* type) {
  while (*type == kModifier) {
    uint8_t byte = 0;
    if (!cursor->byte(&byte)) return false;
    uint32_t size = uint32_t{byte} + 1;
    if (size == 256) {
      if (!cursor->has(2)) return false;
      size = read_u16(cursor->data + cursor->at) + 1;
      cursor->at += 2;
    }
    if (!cursor->skip(size) || !cursor->byte(&byte)) return false;
    *type = byte & 15;
  }
  return true;
}

// In letters, or else in hex digits.
std::string text_of(const uint8_t* four_cc) {
  std::string text(reinterpret_cast<const char*>(four_cc), 4);
  for (const char letter : text) {
    if (letter >= ' ' && letter <= '~') continue;
    constexpr char kDigits[] = "0123456789abcdef";
    text.clear();
    for (int i = 0; i < 4; i++) {
      text += kDigits[four_cc[i] >> 4];
      text += kDigits[four_cc[i] & 15];
    }
    break;
  }
  return text;
}

bool read_codec(const Family& family, Cursor* cursor, MediaCodec* codec, RtmpFailure* failure) {
  const uint8_t* const four_cc = cursor->data + cursor->at;
  if (!cursor->skip(4)) return cut_short(failure);
  for (const FourCc& one : family.codecs) {
    if (std::memcmp(four_cc, one.name, 4) != 0) continue;
    *codec = one.codec;
    return true;
  }
  return unsupported(failure, family.name, "codec " + text_of(four_cc));
}

bool check_type(const Family& family, uint8_t type, RtmpFailure* failure) {
  if (type <= family.last_type) return true;
  return unsupported(failure, family.name, "packet type " + std::to_string(type));
}

// Only these may be shown in another order than they are decoded in, as far as RTMP knows.
bool has_composition_time(MediaCodec codec) {
  return codec == MediaCodec::kH264 || codec == MediaCodec::kH265;
}

bool add(uint8_t type, Cursor cursor, MediaPacket packet, MediaPackets* packets,
         RtmpFailure* failure) {
  packet.kind = type == kSequenceStart ? MediaKind::kConfig
                : type == kSequenceEnd ? MediaKind::kEnd
                                       : MediaKind::kFrame;
  if (type == kCoded && has_composition_time(packet.codec)) {
    if (!cursor.has(3)) return cut_short(failure);
    packet.composition_ms = read_i24(cursor.data + cursor.at);
    cursor.at += 3;
  }
  take_rest(cursor, &packet);
  packets->list[packets->count++] = packet;
  return true;
}

// A track's id may be said once in a message: frames at one time of one track are one frame.
bool check_track(uint8_t track, MediaPackets* packets, RtmpFailure* failure) {
  if (track > kMaxTrackId) {
    return failure->set(Status::kTrackIdTooLarge, "track " + std::to_string(track));
  }
  for (const MediaPacket& other : packets->all()) {
    if (other.track != track) continue;
    return failure->set(Status::kMediaInvalid,
                        "track " + std::to_string(track) + " twice in one message");
  }
  if (packets->count < kMaxTracks) return true;
  return failure->set(Status::kTooManyTracks, "in one message");
}

// [multitrack type and packet type], FourCC unless each track has its own, then for each track
// [FourCC] [track id] [length: 3 bytes, unless it is the only one] and its packet.
bool parse_multitrack(const Family& family, Cursor cursor, MediaPacket packet,
                      MediaPackets* packets, RtmpFailure* failure) {
  uint8_t byte = 0;
  if (!cursor.byte(&byte)) return cut_short(failure);
  const uint8_t shape = byte >> 4;
  const uint8_t type = byte & 15;
  if (shape > kManyCodecs) {
    return unsupported(failure, "multitrack type", std::to_string(shape));
  }
  if (type == family.multitrack) {
    return failure->set(Status::kMediaInvalid, "a multitrack packet inside of another");
  }
  if (type == kMetadata) return true;
  if (!check_type(family, type, failure)) return false;
  if (shape != kManyCodecs && !read_codec(family, &cursor, &packet.codec, failure)) return false;
  do {
    if (shape == kManyCodecs && !read_codec(family, &cursor, &packet.codec, failure)) {
      return false;
    }
    if (!cursor.byte(&packet.track)) return cut_short(failure);
    if (!check_track(packet.track, packets, failure)) return false;
    if (shape == kOneTrack) return add(type, cursor, packet, packets, failure);
    if (!cursor.has(3)) return cut_short(failure);
    const uint32_t size = read_u24(cursor.data + cursor.at);
    cursor.at += 3;
    const Cursor track{cursor.data + cursor.at, size};
    if (!cursor.skip(size)) {
      return failure->set(Status::kMediaInvalid, "a track is longer than its message");
    }
    if (!add(type, track, packet, packets, failure)) return false;
  } while (cursor.has(1));
  return true;
}

// `type` is behind its modifiers.
bool parse(const Family& family, Cursor cursor, uint8_t type, bool key, bool multitrack,
           MediaPackets* packets, RtmpFailure* failure) {
  MediaPacket packet;
  packet.key = key;
  if (type == kMetadata) return true;
  if (type == family.multitrack) {
    if (multitrack) return parse_multitrack(family, cursor, packet, packets, failure);
    return failure->set(Status::kMultitrackOff, family.name);
  }
  // It is said without the codec by some.
  if (type == kSequenceEnd) {
    cursor.at = cursor.size;
    return add(type, cursor, packet, packets, failure);
  }
  if (!check_type(family, type, failure)) return false;
  return read_codec(family, &cursor, &packet.codec, failure) &&
         add(type, cursor, packet, packets, failure);
}

}  // namespace

void take_rest(const Cursor& cursor, MediaPacket* packet) {
  packet->data = cursor.data + cursor.at;
  packet->size = cursor.size - cursor.at;
}

bool cut_short(RtmpFailure* failure) {
  return failure->set(Status::kMediaInvalid, "a packet is cut short");
}

bool unsupported(RtmpFailure* failure, const char* what, std::string which) {
  return failure->set(Status::kMediaUnsupported, std::string(what) + ' ' + std::move(which));
}

bool parse_enhanced_video(Cursor cursor, uint8_t type, bool key, bool multitrack,
                          MediaPackets* packets, RtmpFailure* failure) {
  if (!pass_modifiers(&cursor, &type)) return cut_short(failure);
  return parse(kVideo, cursor, type, key, multitrack, packets, failure);
}

bool parse_enhanced_audio(Cursor cursor, uint8_t type, bool multitrack, MediaPackets* packets,
                          RtmpFailure* failure) {
  if (!pass_modifiers(&cursor, &type)) return cut_short(failure);
  return parse(kAudio, cursor, type, false, multitrack, packets, failure);
}

}  // namespace ur
