// Any audio and video messages, one after the other: [audio or video][length:2][message]. Every unit says its
// own length and is no longer than its message, the parameter sets and the start codes account for; a message
// makes at most one of each track, and late readers begin with keyframes only.
#include <algorithm>
#include <bitset>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "rtmp/media_assembler.h"
#include "rtmp/wire.h"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void check(const ur::AccessUnit& unit, uint64_t message_bytes, uint64_t sets_bytes) {
  std::vector<uint8_t> all;
  std::bitset<128> tracks;
  for (const ur::Piece& piece : unit.pieces()) {
    all.insert(all.end(), piece.data, piece.data + piece.size);
  }
  require(!unit.key || (all[1] & 1) == 1);
  for (size_t at = 0; at < all.size();) {
    require(all.size() - at > 30);
    const uint8_t* const one = &all[at];
    const uint64_t size = ur::read_u32(one + 26);
    require(size <= all.size() - at - 30);
    require(!tracks[one[1] >> 1]);
    tracks.set(one[1] >> 1);
    if (one[0] == 0x0F) {
      require(size > 7 && one[30] == 0xFF && one[31] == 0xF1);
    } else if (one[0] == 0x1B || one[0] == 0x24) {
      require(size >= 4 && ur::read_u32(one + 30) == 1);
    }
    at += 30 + size;
  }
  require(tracks.count() <= ur::kMaxTracks);
  // A length of one byte becomes a start code of four; AV1 gets a delimiter, and a size.
  require(all.size() <= tracks.count() * (30 + 12) + 4 * message_bytes + sets_bytes);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ur::MediaAssembler media(true, std::nullopt);
  uint32_t timestamp = 0;
  for (size_t at = 0; size - at >= 3;) {
    const uint8_t type = (data[at] & 1) != 0 ? ur::rtmp_type::kVideo : ur::rtmp_type::kAudio;
    timestamp += uint32_t{data[at]} << 24;
    const size_t length = std::min<size_t>(ur::read_u16(data + at + 1), size - at - 3);
    at += 3;
    std::vector<uint8_t> message(data + at, data + at + length);
    at += length;
    ur::AccessUnit unit;
    ur::RtmpFailure failure;
    const ur::Assembled result =
        media.take({type, 1, timestamp, message.data(), static_cast<uint32_t>(length)}, &unit,
                   &failure);
    require((result == ur::Assembled::kFailed) == (failure.status != ur::Status::kOk));
    // Sets come with start codes in place of lengths of two bytes.
    uint64_t sets_bytes = 0;
    for (const ur::VideoTrack& track : media.video_tracks()) {
      require(track.record.size() <= ur::kMaxRecordBytes);
      sets_bytes += 3 * track.record.size();
    }
    require(media.video_tracks().size() <= ur::kMaxTracks);
    require(media.audio_tracks().size() <= ur::kMaxTracks);
    if (result == ur::Assembled::kUnit) check(unit, length, sets_bytes);
  }
  return 0;
}
