// The words of a segment's control blocks as they were, for tests that scribble on them.
#pragma once

#include <vector>

#include "core/segment.h"

namespace ur::test {

class SaneCopy {
 public:
  explicit SaneCopy(const Segment& segment)
      : words_(reinterpret_cast<AtomicU64*>(segment.base())),
        copy_(segment.geometry().control_size / 8) {
    for (size_t i = 0; i < copy_.size(); i++) copy_[i] = words_[i].load(std::memory_order_relaxed);
  }
  void put_back() const {
    for (size_t i = 0; i < copy_.size(); i++) words_[i].store(copy_[i], std::memory_order_relaxed);
  }

 private:
  AtomicU64* words_;
  std::vector<uint64_t> copy_;
};

}  // namespace ur::test
