#include "mpegts/probe.h"

#include <algorithm>
#include <iterator>

namespace ur {
namespace {

constexpr uint8_t kSync = 0x47;
constexpr size_t kHeader = 4;
constexpr uint16_t kAssociationPid = 0;
constexpr int64_t kTicksPerMs = 90;
// ISO/IEC 14496-3, table 1.18.
constexpr uint32_t kRates[] = {96000, 88200, 64000, 48000, 44100, 32000, 24000,
                               22050, 16000, 12000, 11025, 8000,  7350};

// PTS or DTS: section 2.4.3.7. 33 bits between marker bits.
int64_t read_time(const uint8_t* at) {
  return (int64_t{at[0]} >> 1 & 7) << 30 | int64_t{at[1]} << 22 | (int64_t{at[2]} >> 1) << 15 |
         int64_t{at[3]} << 7 | int64_t{at[4]} >> 1;
}

// A PES packet's beginning: section 2.4.3.6.
struct Pes {
  int64_t dts_ms = -1;  // -1: it says none
  std::span<const uint8_t> data;
};

Pes parse_pes(std::span<const uint8_t> payload) {
  Pes pes;
  if (payload.size() < 9 || payload[0] != 0 || payload[1] != 0 || payload[2] != 1) return pes;
  const size_t data_at = 9 + size_t{payload[8]};
  if (payload.size() < data_at) return pes;
  const uint32_t times = payload[7] >> 6;
  if (times >= 2 && payload[8] >= 5) pes.dts_ms = read_time(&payload[9]) / kTicksPerMs;
  if (times == 3 && payload[8] >= 10) pes.dts_ms = read_time(&payload[14]) / kTicksPerMs;
  pes.data = payload.subspan(data_at);
  return pes;
}

// A sequence parameter set of H.264 or H.265 stands in the first bytes.
bool has_sequence_set(TsCodec codec, std::span<const uint8_t> data) {
  for (size_t i = 0; i + 3 < data.size(); i++) {
    if (data[i] != 0 || data[i + 1] != 0 || data[i + 2] != 1) continue;
    const uint8_t first = data[i + 3];
    if (codec == TsCodec::kH264 && (first & 31) == 7) return true;
    if (codec == TsCodec::kH265 && (first >> 1 & 63) == 33) return true;
  }
  return false;
}

}  // namespace

// Section 2.4.3.2.
struct TsProbe::Packet {
  uint16_t pid = 0;
  bool begins = false;         // a section or a PES packet
  bool random_access = false;  // the adaptation field says so
  std::span<const uint8_t> payload;

  // False: it is none.
  bool parse(std::span<const uint8_t> bytes) {
    const bool broken = (bytes[1] & 0x80) != 0;
    if (bytes[0] != kSync || broken) return false;
    pid = static_cast<uint16_t>((bytes[1] & 0x1FU) << 8 | bytes[2]);
    begins = (bytes[1] & 0x40) != 0;
    size_t at = kHeader;
    if ((bytes[3] & 0x20) != 0) {
      const size_t length = bytes[kHeader];
      if (length > 0) random_access = (bytes[kHeader + 1] & 0x40) != 0;
      at += 1 + length;
    }
    if (at > bytes.size()) return false;
    if ((bytes[3] & 0x10) != 0) payload = bytes.subspan(at);
    return true;
  }
};

TsLook TsProbe::look(std::span<const uint8_t> packets, uint64_t now_ns) {
  TsLook look;
  for (; packets.size() >= kTsPacket; packets = packets.subspan(kTsPacket)) {
    Packet packet;
    if (packet.parse(packets.first(kTsPacket))) look_at(packet, now_ns, &look);
  }
  return look;
}

void TsProbe::look_at(const Packet& packet, uint64_t now_ns, TsLook* look) {
  const auto& [pid, begins, random_access, payload] = packet;
  if (payload.empty()) return;
  if (pid == kAssociationPid) {
    if (begins) look->tables = !look->keyframe;
    const auto map = parse_association(association_.take(payload, begins));
    if (map) map_pid_ = *map;
  } else if (pid == map_pid_) {
    const auto program = parse_program_map(map_.take(payload, begins));
    if (program) take_program(*program);
  } else if (pid == program_.video.pid) {
    if (begins && begins_keyframe(packet)) {
      *look = {.keyframe = true, .tables = false};
      facts_.video.keyframes++;
      facts_.video.keyframe_ns = now_ns;
      facts_.video_start.clear();
      gathering_ = true;
    } else if (begins) {
      gathering_ = false;
    }
    count(packet, now_ns, &facts_.video);
    if (gathering_) gather_start(packet);
  } else if (pid == program_.audio.pid) {
    count(packet, now_ns, &facts_.audio);
    if (begins) look_at_audio(parse_pes(payload).data);
  }
}

void TsProbe::take_program(const TsProgram& program) {
  program_ = program;
  if (program.video.pid != 0) facts_.video_codec = program.video.codec;
  if (program.audio.pid != 0) facts_.audio_codec = program.audio.codec;
}

void TsProbe::count(const Packet& packet, uint64_t now_ns, TrackCounts* track) {
  if (!packet.begins) {
    if (track->units > 0) track->bytes += packet.payload.size();
    return;
  }
  const Pes pes = parse_pes(packet.payload);
  track->units++;
  track->bytes += pes.data.size();
  track->newest_ns = now_ns;
  if (pes.dts_ms >= 0) track->dts_ms = pes.dts_ms;
}

bool TsProbe::begins_keyframe(const Packet& packet) const {
  return packet.random_access ||
         has_sequence_set(program_.video.codec, parse_pes(packet.payload).data);
}

void TsProbe::gather_start(const Packet& packet) {
  const std::span<const uint8_t> data =
      packet.begins ? parse_pes(packet.payload).data : packet.payload;
  std::vector<uint8_t>& start = facts_.video_start;
  const size_t more = std::min(data.size(), kMaxStart - start.size());
  start.insert(start.end(), data.begin(), data.begin() + static_cast<std::ptrdiff_t>(more));
  gathering_ = start.size() < kMaxStart;
}

// The header of ADTS: ISO/IEC 14496-3, section 1.A.2.2.
void TsProbe::look_at_audio(std::span<const uint8_t> data) {
  if (program_.audio.codec != TsCodec::kAac || data.size() < 4) return;
  if (data[0] != 0xFF || (data[1] & 0xF6) != 0xF0) return;
  const uint32_t rate = data[2] >> 2 & 15;
  const uint32_t configuration = (data[2] & 1U) << 2 | data[3] >> 6;
  if (rate >= std::size(kRates) || configuration == 0) return;
  facts_.sample_rate = kRates[rate];
  facts_.channels = configuration == 7 ? 8 : configuration;
}

}  // namespace ur
