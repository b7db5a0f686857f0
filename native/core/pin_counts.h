// How often this process pins each slot. A worker has one bit in a slot's lock word; its threads and
// readers share it, so the bit goes only with the last pin. Any thread.
#pragma once

#include <mutex>
#include <unordered_map>

#include "layout.h"

namespace ur {

class PinCounts {
 public:
  // Runs `set` under the lock; counts the pin when it returns true. When it returns false and nothing
  // else pins the slot, runs `clear`.
  template <typename Set, typename Clear>
  bool pin(const SlotHeader* slot, Set set, Clear clear) {
    const std::lock_guard<std::mutex> guard(mutex_);
    const auto found = counts_.find(slot);
    if (set()) {
      counts_[slot]++;
      return true;
    }
    if (found == counts_.end()) clear();
    return false;
  }

  // Runs `clear` with the last pin; does nothing for a slot that is not pinned.
  template <typename Clear>
  void unpin(const SlotHeader* slot, Clear clear) {
    const std::lock_guard<std::mutex> guard(mutex_);
    const auto found = counts_.find(slot);
    if (found == counts_.end() || --found->second > 0) return;
    counts_.erase(found);
    clear();
  }

 private:
  std::mutex mutex_;
  std::unordered_map<const SlotHeader*, uint32_t> counts_;
};

}  // namespace ur
