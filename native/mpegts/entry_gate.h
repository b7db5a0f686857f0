// Finds where a late reader of a live MPEG transport stream can begin: at a keyframe, or at the program's
// tables right before it. A message that ends with tables is kept until the next one says which it is.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "mpegts/probe.h"

namespace ur {

class EntryGate {
 public:
  // True: the message goes on as it came. False: it is kept.
  [[nodiscard]] bool pass(std::span<const uint8_t> message, uint64_t now_ns);
  // The messages that are kept, in one piece.
  std::span<const uint8_t> kept() const { return kept_; }
  // It is known what they are: they go on before anything else.
  bool complete() const { return complete_; }
  // They have waited enough in any case.
  bool due(uint64_t now_ns) const { return !kept_.empty() && now_ns - since_ns_ >= kLongestNs; }
  // A late reader can begin with them.
  bool entry() const { return entry_; }
  void forget();
  const TsFacts& facts() const { return probe_.facts(); }

  // Tables and the keyframe behind them are sent at once.
  static constexpr uint64_t kLongestNs = 5'000'000;

 private:
  TsProbe probe_;
  std::vector<uint8_t> kept_;
  bool complete_ = false;
  bool entry_ = false;
  uint64_t since_ns_ = 0;
};

}  // namespace ur
