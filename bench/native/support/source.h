// The bytes that the benchmarks write: the same for every run of a seed.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>

namespace ur::bench {

// Anonymous memory filled with the seed's bytes (or zeroed), touched before it is used.
class Buffer {
 public:
  explicit Buffer(size_t size);
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer();

  void fill(uint64_t seed);
  uint8_t* data() { return data_; }
  const uint8_t* data() const { return data_; }
  size_t size() const { return size_; }

 private:
  uint8_t* data_ = nullptr;
  size_t size_ = 0;
};

// Folds one slot's hash into the result hash of a run.
constexpr uint64_t fold(uint64_t result, uint64_t slot_hash) {
  uint64_t mixed = (result ^ slot_hash) * 0x9E3779B97F4A7C15ULL;
  return mixed ^ (mixed >> 29);
}

}  // namespace ur::bench
