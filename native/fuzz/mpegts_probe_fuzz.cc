// Any packets, in messages of any number of them: [packets:1][packets]. What is counted is never more than
// what came, and the bytes of a keyframe's beginning are bounded.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "mpegts/probe.h"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ur::TsProbe probe;
  uint64_t packets = 0;
  for (size_t at = 0; at < size;) {
    const size_t wanted = (data[at] & 7U) * ur::kTsPacket + (data[at] >> 3);
    at++;
    const size_t length = std::min(wanted, size - at);
    const ur::TsLook look = probe.look({data + at, length}, packets + 1);
    require(!look.keyframe || !look.tables);
    packets += length / ur::kTsPacket;
    at += length;
  }
  const ur::TsFacts& facts = probe.facts();
  require(facts.video.units + facts.audio.units <= packets);
  require(facts.video.keyframes <= facts.video.units);
  require(facts.video.bytes + facts.audio.bytes <= packets * 184);
  require(facts.video_start.size() <= ur::TsProbe::kMaxStart);
  return 0;
}
