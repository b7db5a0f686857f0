#include "mpegts/entry_gate.h"

namespace ur {

bool EntryGate::pass(std::span<const uint8_t> message, uint64_t now_ns) {
  const TsLook look = probe_.look(message, now_ns);
  const bool second = !kept_.empty();
  if (!second && !look.keyframe && !look.tables) return true;
  kept_.insert(kept_.end(), message.begin(), message.end());
  entry_ = look.keyframe;
  complete_ = second || look.keyframe;
  since_ns_ = now_ns;
  return false;
}

void EntryGate::forget() {
  kept_.clear();
  complete_ = entry_ = false;
}

}  // namespace ur
