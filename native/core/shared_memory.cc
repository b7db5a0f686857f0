#include "shared_memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "geometry.h"

namespace ur {
namespace {

constexpr uint64_t kGuardBytes = 64 << 10;  // whole pages on every platform
#if defined(MAP_NORESERVE)
constexpr int kNoReserve = MAP_NORESERVE;
#else
constexpr int kNoReserve = 0;
#endif

#if defined(__linux__)

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

Status open_memory(int* fd, std::string* detail) {
  *fd = memfd_create("upload-response", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (*fd >= 0) return Status::kOk;
  *detail = errno_text("memfd_create");
  return Status::kSystem;
}

Status seal(int fd, std::string* detail) {
  if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0) return Status::kOk;
  *detail = errno_text("fcntl(F_ADD_SEALS)");
  return Status::kSystem;
}

int allocate_range(int fd, uint64_t offset, uint64_t length) {
  return fallocate(fd, FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset),
                   static_cast<off_t>(length)) == 0
             ? 0
             : errno;
}

#else

Status open_memory(int* fd, std::string* detail) {
  char name[64];
  std::snprintf(name, sizeof name, "/ur-%d-%p", getpid(), static_cast<void*>(fd));
  *fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
  if (*fd < 0) {
    *detail = errno_text("shm_open");
    return Status::kSystem;
  }
  shm_unlink(name);
  fcntl(*fd, F_SETFD, FD_CLOEXEC);
  return Status::kOk;
}

Status seal(int, std::string*) { return Status::kOk; }
int allocate_range(int, uint64_t, uint64_t) { return 0; }

#endif

}  // namespace

std::string errno_text(const char* call) {
  return std::string(call) + ": " + std::strerror(errno);
}

MemoryFile& MemoryFile::operator=(MemoryFile&& other) noexcept {
  if (this != &other) {
    close();
    fd_ = other.fd_;
    other.fd_ = -1;
  }
  return *this;
}

Status MemoryFile::create(uint64_t size, std::string* detail) {
  close();
  Status status = open_memory(&fd_, detail);
  if (status != Status::kOk) return status;
  if (ftruncate(fd_, static_cast<off_t>(size)) != 0) {
    *detail = errno_text("ftruncate");
    return Status::kOutOfMemory;
  }
  return seal(fd_, detail);
}

Status MemoryFile::allocate(uint64_t offset, uint64_t length, std::string* detail) {
  int error = 0;
  do {
    error = allocate_range(fd_, offset, length);
  } while (error == EINTR);
  if (error == 0) return Status::kOk;
  *detail = "allocating " + format_bytes(length) + ": " + std::strerror(error);
  return Status::kOutOfMemory;
}

Status MemoryFile::punch(uint64_t offset, uint64_t length) {
#if defined(__linux__)
  if (fallocate(fd_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset),
                static_cast<off_t>(length)) == 0) {
    return Status::kOk;
  }
  return Status::kSystem;
#else
  (void)offset;
  (void)length;
  return Status::kUnsupported;
#endif
}

Status MemoryFile::reopen(bool writable, MemoryFile* out) const {
#if defined(__linux__)
  char path[32];
  std::snprintf(path, sizeof path, "/proc/self/fd/%d", fd_);
  int fd = open(path, (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC);
#else
  (void)writable;
  int fd = fcntl(fd_, F_DUPFD_CLOEXEC, 0);
#endif
  if (fd < 0) return Status::kSystem;
  *out = MemoryFile(fd);
  return Status::kOk;
}

#if defined(F_OFD_SETLK)

Status MemoryFile::lock_byte(uint32_t byte) {
  struct flock lock = {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  lock.l_start = static_cast<off_t>(byte);
  lock.l_len = 1;
  if (fcntl(fd_, F_OFD_SETLK, &lock) == 0) return Status::kOk;
  return errno == EAGAIN || errno == EACCES ? Status::kFull : Status::kUnsupported;
}

Status MemoryFile::probe_byte(uint32_t byte) const {
  struct flock lock = {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  lock.l_start = static_cast<off_t>(byte);
  lock.l_len = 1;
  if (fcntl(fd_, F_OFD_GETLK, &lock) != 0) return Status::kUnsupported;
  return lock.l_type == F_UNLCK ? Status::kOk : Status::kFull;
}

#else

Status MemoryFile::lock_byte(uint32_t) { return Status::kUnsupported; }
Status MemoryFile::probe_byte(uint32_t) const { return Status::kUnsupported; }

#endif

uint64_t MemoryFile::size() const {
  struct stat info;
  return fstat(fd_, &info) == 0 ? static_cast<uint64_t>(info.st_size) : 0;
}

bool MemoryFile::sealed() const {
#if defined(__linux__)
  int seals = fcntl(fd_, F_GET_SEALS);
  return seals >= 0 && (seals & F_SEAL_SHRINK) != 0;
#else
  return true;
#endif
}

void MemoryFile::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

Status Mapping::map(const MemoryFile& file, uint64_t size, bool writable, std::string* detail) {
  unmap();
  // Reserved with a guard on each side: what runs over an end faults instead of meeting a neighbour.
  void* reserved = mmap(nullptr, size + 2 * kGuardBytes, PROT_NONE,
                        MAP_PRIVATE | MAP_ANONYMOUS | kNoReserve, -1, 0);
  if (reserved == MAP_FAILED) {
    *detail = errno_text("mmap");
    return Status::kOutOfMemory;
  }
  uint8_t* const base = static_cast<uint8_t*>(reserved) + kGuardBytes;
  const int protection = writable ? PROT_READ | PROT_WRITE : PROT_READ;
  if (mmap(base, size, protection, MAP_SHARED | MAP_FIXED, file.fd(), 0) == MAP_FAILED) {
    *detail = errno_text("mmap");
    munmap(reserved, size + 2 * kGuardBytes);
    return Status::kOutOfMemory;
  }
  base_ = base;
  size_ = size;
#if defined(__linux__)
  // A forked child would keep the mapping, and with it the lock that proves this process's life.
  madvise(base_, size_, MADV_DONTFORK);
  madvise(base_, size_, MADV_DONTDUMP);
#endif
  return Status::kOk;
}

Status Mapping::protect(uint64_t begin, uint64_t end) {
  if (begin == end) return Status::kOk;
  return mprotect(base_ + begin, end - begin, PROT_READ) == 0 ? Status::kOk : Status::kSystem;
}

void Mapping::populate(uint64_t begin, uint64_t end) {
#if defined(__linux__)
  if (madvise(base_ + begin, end - begin, MADV_POPULATE_WRITE) == 0) return;
#endif
  for (uint64_t offset = begin; offset < end; offset += kPageSize) {
    auto* word = reinterpret_cast<volatile uint8_t*>(base_ + offset);
    *word = *word;  // only before the segment is shared
  }
}

void Mapping::prefault() {
#if defined(__linux__)
  madvise(base_, size_, MADV_POPULATE_WRITE);
#endif
}

void Mapping::unmap() {
  if (base_ == nullptr) return;
  uint8_t* const begin = base_ - kGuardBytes;
  const uint64_t size = size_ + 2 * kGuardBytes;
  // Read-only pages without a file are not counted as memory.
  if (left_to_ != nullptr &&
      mmap(base_, size_, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | kNoReserve, -1, 0) !=
          MAP_FAILED) {
    left_to_->take(begin, size);
    left_to_.reset();
  } else {
    munmap(begin, size);
  }
  base_ = nullptr;
  size_ = 0;
}

Addresses::~Addresses() {
  if (begin_ != nullptr) munmap(begin_, size_);
}

void Addresses::take(uint8_t* begin, uint64_t size) {
  if (begin_ != nullptr) munmap(begin_, size_);
  begin_ = begin;
  size_ = size;
}

}  // namespace ur
