// Under AddressSanitizer: the bytes between a segment's tables, and behind the slots' sizes, cannot be
// touched while this object lives. What runs over an end within the mapping is seen, too.
#pragma once

#include <utility>
#include <vector>

#include "core/segment.h"

namespace ur::test {

class Redzones {
 public:
  explicit Redzones(const Segment& segment);
  Redzones(const Redzones&) = delete;
  Redzones& operator=(const Redzones&) = delete;
  ~Redzones();

  // What can be touched of [0, end): ranges in order.
  std::vector<std::pair<uint64_t, uint64_t>> between(uint64_t end) const;

 private:
  void add(uint64_t begin, uint64_t end);
  void add_pool(const PoolGeometry& pool);
  void add_slots(uint64_t block, uint64_t stride, uint64_t slots, const PoolGeometry& pool);

  uint8_t* base_;
  std::vector<std::pair<uint64_t, uint64_t>> ranges_;
};

}  // namespace ur::test
