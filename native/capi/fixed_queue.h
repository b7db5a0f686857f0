// A queue that never allocates after its construction, for a thread that nobody could tell of it.
#pragma once

#include <cstddef>
#include <vector>

namespace ur::capi {

template <typename Item>
class FixedQueue {
 public:
  explicit FixedQueue(size_t capacity) : items_(capacity) {}

  bool empty() const { return count_ == 0; }
  // The oldest goes where there is no room.
  void push(Item item) {
    if (count_ == items_.size()) pop();
    items_[(first_ + count_++) % items_.size()] = item;
  }
  // Only when it is not empty.
  Item pop() {
    const Item item = items_[first_];
    first_ = (first_ + 1) % items_.size();
    count_--;
    return item;
  }

 private:
  std::vector<Item> items_;
  size_t first_ = 0;
  size_t count_ = 0;
};

}  // namespace ur::capi
