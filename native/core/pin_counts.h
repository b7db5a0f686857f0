// How often this process pins each slot. A worker has one bit in a slot's lock word; its threads and
// readers share it, so the bit goes only with the last pin. Any thread; allocates at the start only.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <mutex>

#include "layout.h"

namespace ur {

class PinCounts {
 public:
  // For every slot header within `bytes` of `base`. Pages that no count is kept in cost nothing.
  void cover(const void* base, uint64_t bytes) {
    base_ = static_cast<const uint8_t*>(base);
    counts_.reset(static_cast<uint32_t*>(std::calloc(bytes / sizeof(SlotHeader), sizeof(uint32_t))));
  }

  // Runs `set` under the lock; counts the pin when it returns true. When it returns false and nothing
  // else pins the slot, runs `clear`.
  template <typename Set, typename Clear>
  bool pin(const SlotHeader* slot, Set set, Clear clear) {
    const std::lock_guard<std::mutex> guard(mutex_);
    uint32_t& count = count_of(slot);
    if (set()) {
      count++;
      return true;
    }
    if (count == 0) clear();
    return false;
  }

  // Runs `clear` with the last pin; does nothing for a slot that is not pinned.
  template <typename Clear>
  void unpin(const SlotHeader* slot, Clear clear) {
    const std::lock_guard<std::mutex> guard(mutex_);
    uint32_t& count = count_of(slot);
    if (count == 0 || --count > 0) return;
    clear();
  }

 private:
  struct Free {
    void operator()(uint32_t* counts) const { std::free(counts); }
  };

  uint32_t& count_of(const SlotHeader* slot) {
    return counts_.get()[static_cast<uint64_t>(reinterpret_cast<const uint8_t*>(slot) - base_) /
                         sizeof(SlotHeader)];
  }

  std::mutex mutex_;
  const uint8_t* base_ = nullptr;
  std::unique_ptr<uint32_t, Free> counts_;
};

}  // namespace ur
