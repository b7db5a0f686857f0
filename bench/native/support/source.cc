#include "source.h"

#include <cstring>

#include "options.h"

namespace ur::bench {
namespace {

// splitmix64
uint64_t next(uint64_t* state) {
  uint64_t value = (*state += 0x9E3779B97F4A7C15ULL);
  value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9ULL;
  value = (value ^ (value >> 27)) * 0x94D049BB133111EBULL;
  return value ^ (value >> 31);
}

}  // namespace

Buffer::Buffer(size_t size) : size_(size) {
  void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  if (memory == MAP_FAILED) fail("no memory for a buffer");
  data_ = static_cast<uint8_t*>(memory);
}

Buffer::~Buffer() { munmap(data_, size_); }

void Buffer::fill(uint64_t seed) {
  uint64_t state = seed;
  size_t at = 0;
  for (; at + 8 <= size_; at += 8) {
    const uint64_t value = next(&state);
    std::memcpy(data_ + at, &value, 8);
  }
  for (; at < size_; at++) data_[at] = static_cast<uint8_t>(next(&state));
}

}  // namespace ur::bench
