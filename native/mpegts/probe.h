// Looks at the packets of an MPEG transport stream (ISO/IEC 13818-1) while they pass: what is in it, how
// much, and where a late reader can begin. Nothing is changed or kept back. Of several programs it sees the
// first one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "feed/track_counts.h"
#include "mpegts/sections.h"

namespace ur {

inline constexpr size_t kTsPacket = 188;

// What is in some packets.
struct TsLook {
  // A decoder can begin with the video in them.
  bool keyframe = false;
  // They have the program's tables, and no keyframe yet: one may follow in the next packets.
  bool tables = false;
};

struct TsFacts {
  TsCodec video_codec = TsCodec::kUnknown;
  TsCodec audio_codec = TsCodec::kUnknown;
  // Units are PES packets: of video a picture, of sound often several frames.
  TrackCounts video, audio;
  // The first bytes of the newest keyframe, Annex B: they have its sequence parameter set.
  std::vector<uint8_t> video_start;
  uint32_t sample_rate = 0;  // Hz; of AAC with ADTS; 0: unknown
  uint32_t channels = 0;
};

class TsProbe {
 public:
  // Whole packets, as in a message of SRT. What is no packet is passed over.
  TsLook look(std::span<const uint8_t> packets, uint64_t now_ns);
  const TsFacts& facts() const { return facts_; }

  static constexpr size_t kMaxStart = 512;

 private:
  struct Packet;

  void look_at(const Packet& packet, uint64_t now_ns, TsLook* look);
  void take_program(const TsProgram& program);
  void count(const Packet& packet, uint64_t now_ns, TrackCounts* track);
  bool begins_keyframe(const Packet& packet) const;
  void gather_start(const Packet& packet);
  void look_at_audio(std::span<const uint8_t> data);

  SectionReader association_, map_;
  uint16_t map_pid_ = 0;  // 0: unknown yet
  TsProgram program_;
  TsFacts facts_;
  bool gathering_ = false;
};

}  // namespace ur
