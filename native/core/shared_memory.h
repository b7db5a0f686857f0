// A file of anonymous shared memory and its mapping. One platform's calls stand in one place.
// Any thread; one object belongs to one thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "status.gen.h"

namespace ur {

// Owns the descriptor of a memory file. The server keeps it; a worker closes it after mapping.
class MemoryFile {
 public:
  MemoryFile() = default;
  explicit MemoryFile(int fd) : fd_(fd) {}
  MemoryFile(MemoryFile&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  MemoryFile& operator=(MemoryFile&& other) noexcept;
  ~MemoryFile() { close(); }

  // Creates a file of `size` bytes without memory behind it, sealed against resizing.
  [[nodiscard]] Status create(uint64_t size, std::string* detail);
  // Allocates [offset, offset + length) or fails with kOutOfMemory; never leaves a sparse range.
  [[nodiscard]] Status allocate(uint64_t offset, uint64_t length, std::string* detail);
  // Gives [offset, offset + length) back to the kernel.
  [[nodiscard]] Status punch(uint64_t offset, uint64_t length);
  // Another open file description of the same file, for a lock of its own. kSystem without /proc.
  [[nodiscard]] Status reopen(bool writable, MemoryFile* out) const;

  // The byte lock that proves a worker's mapping (see ARCHITECTURE.md, Death). kFull: another has it.
  // kUnsupported where the platform has no open-file-description locks.
  [[nodiscard]] Status lock_byte(uint32_t byte);
  // kOk: nobody holds it. kFull: somebody does.
  [[nodiscard]] Status probe_byte(uint32_t byte) const;

  int fd() const { return fd_; }
  uint64_t size() const;
  bool sealed() const;  // cannot shrink
  void close();

 private:
  int fd_ = -1;
};

// Addresses that a mapping has left. Whoever still reads there, a thread that cannot be waited for, finds
// zeros instead of a fault, until this goes. Any thread.
class Addresses {
 public:
  Addresses() = default;
  Addresses(const Addresses&) = delete;
  Addresses& operator=(const Addresses&) = delete;
  ~Addresses();

  // Owns [begin, begin + size) from now on.
  void take(uint8_t* begin, uint64_t size);

 private:
  uint8_t* begin_ = nullptr;
  uint64_t size_ = 0;
};

// Owns a mapping of a whole memory file, between guard pages.
class Mapping {
 public:
  Mapping() = default;
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  ~Mapping() { unmap(); }

  [[nodiscard]] Status map(const MemoryFile& file, uint64_t size, bool writable,
                           std::string* detail);
  // Pages of [begin, end) can no longer be written through this mapping.
  [[nodiscard]] Status protect(uint64_t begin, uint64_t end);
  // Touches every page of [begin, end) for writing, so that no later write takes a fault.
  void populate(uint64_t begin, uint64_t end);
  // The same for pages that have memory already, where the platform can do it without a store: others
  // may be writing them.
  void prefault();
  // unmap() then leaves the addresses to `addresses`.
  void leave_to(std::shared_ptr<Addresses> addresses) { left_to_ = std::move(addresses); }
  void unmap();

  uint8_t* base() const { return base_; }
  uint64_t size() const { return size_; }

 private:
  uint8_t* base_ = nullptr;
  uint64_t size_ = 0;
  std::shared_ptr<Addresses> left_to_;
};

std::string errno_text(const char* call);

}  // namespace ur
