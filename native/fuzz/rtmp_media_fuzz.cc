// Any audio and video messages, one after the other: [audio or video][length:2][message]. Every unit says its
// own length and is no longer than its message, the parameter sets and the start codes account for.
#include <algorithm>
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
  for (const ur::Piece& piece : unit.pieces()) {
    all.insert(all.end(), piece.data, piece.data + piece.size);
  }
  require(all.size() > 30 && ur::read_u32(&all[26]) == all.size() - 30);
  require((all[1] == 1) == unit.key);
  // A length of one byte becomes a start code of four.
  require(all.size() <= 30 + 7 + 4 * message_bytes + sets_bytes);
  if (all[0] == 0x0F) {
    require(all[30] == 0xFF && all[31] == 0xF1);
  } else {
    require(ur::read_u32(&all[30]) == 1);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ur::MediaAssembler media;
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
    if (result == ur::Assembled::kUnit) check(unit, length, 3 * media.video_record().size());
  }
  return 0;
}
