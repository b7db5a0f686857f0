#include "core/shared_memory.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>

#include "test/support/host.h"

namespace ur::test {
namespace {

constexpr uint64_t kSize = 64 * 4096;

class SharedMemoryTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_OK(file_.create(kSize, &detail_)); }

  uint64_t allocated() const {
    struct stat info = {};
    EXPECT_EQ(0, fstat(file_.fd(), &info));
    return static_cast<uint64_t>(info.st_blocks) * 512;
  }

  MemoryFile file_;
  std::string detail_;
};

TEST_F(SharedMemoryTest, IsSealedAgainstResizingAndNewSeals) {
  EXPECT_EQ(file_.size(), kSize);
  EXPECT_TRUE(file_.sealed());
  EXPECT_EQ(ftruncate(file_.fd(), 4096), -1);
  EXPECT_EQ(ftruncate(file_.fd(), 2 * kSize), -1);
  EXPECT_EQ(fcntl(file_.fd(), F_ADD_SEALS, F_SEAL_WRITE), -1);
  MemoryFile again;
  ASSERT_OK(file_.reopen(true, &again));
  EXPECT_EQ(ftruncate(again.fd(), 4096), -1) << "whoever has it cannot take it from the others";
  EXPECT_EQ(errno, EPERM);
}

TEST_F(SharedMemoryTest, AllocatesAndGivesBack) {
  EXPECT_EQ(allocated(), 0U);
  ASSERT_OK(file_.allocate(0, kSize, &detail_));
  EXPECT_EQ(allocated(), kSize);
  ASSERT_OK(file_.punch(4096, 8192));
  EXPECT_EQ(allocated(), kSize - 8192);
  EXPECT_EQ(file_.size(), kSize);
}

TEST_F(SharedMemoryTest, SaysHowMuchCouldNotBeAllocated) {
  MemoryFile closed;
  EXPECT_EQ(closed.allocate(0, 123'000, &detail_), Status::kOutOfMemory);
  EXPECT_NE(detail_.find("123.0 KB"), std::string::npos) << detail_;
}

TEST_F(SharedMemoryTest, TheByteLockBelongsToTheOpenFile) {
  MemoryFile worker;
  ASSERT_OK(file_.reopen(true, &worker));
  EXPECT_OK(file_.probe_byte(3));
  ASSERT_OK(worker.lock_byte(3));
  EXPECT_OK(worker.lock_byte(3));
  EXPECT_EQ(file_.probe_byte(3), Status::kFull);
  EXPECT_OK(file_.probe_byte(2));
  EXPECT_OK(file_.probe_byte(4));
  MemoryFile other;
  ASSERT_OK(file_.reopen(true, &other));
  EXPECT_EQ(other.lock_byte(3), Status::kFull);
  EXPECT_OK(other.lock_byte(4));
  worker.close();
  EXPECT_OK(file_.probe_byte(3));
}

TEST_F(SharedMemoryTest, TheMappingAloneHoldsTheLock) {
  MemoryFile worker;
  ASSERT_OK(file_.reopen(true, &worker));
  ASSERT_OK(worker.lock_byte(3));
  Mapping mapping;
  ASSERT_OK(mapping.map(worker, kSize, true, &detail_));
  ASSERT_OK(mapping.protect(4096, 8192));
  worker.close();
  EXPECT_EQ(file_.probe_byte(3), Status::kFull);
  mapping.unmap();
  EXPECT_OK(file_.probe_byte(3));
}

TEST_F(SharedMemoryTest, ALockThatCannotBeIsUnsupportedAndNotTaken) {
  MemoryFile none;
  EXPECT_EQ(none.lock_byte(1), Status::kUnsupported);
  EXPECT_EQ(none.probe_byte(1), Status::kUnsupported);
}

TEST_F(SharedMemoryTest, MappingsShareTheirBytes) {
  Mapping one;
  Mapping two;
  ASSERT_OK(one.map(file_, kSize, true, &detail_));
  ASSERT_OK(two.map(file_, kSize, false, &detail_));
  one.populate(0, kSize);
  one.base()[kSize - 1] = 42;
  EXPECT_EQ(two.base()[kSize - 1], 42);
  EXPECT_EQ(two.size(), kSize);
}

// What runs over an end meets a guard, and not the next mapping by chance.
TEST_F(SharedMemoryTest, AMappingStandsBetweenGuards) {
  Mapping mapping;
  ASSERT_OK(mapping.map(file_, kSize, true, &detail_));
  const auto base = reinterpret_cast<uintptr_t>(mapping.base());
  for (const uintptr_t page : {base - 4096, base + kSize}) {
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    EXPECT_EQ(write(ends[1], reinterpret_cast<const void*>(page), 1), -1) << "readable";
    EXPECT_EQ(errno, EFAULT);
    void* taken = mmap(reinterpret_cast<void*>(page), 4096, PROT_READ,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    EXPECT_EQ(taken, MAP_FAILED) << "nothing else can come to stand here";
    if (taken != MAP_FAILED) munmap(taken, 4096);
    for (int end : ends) close(end);
  }
}

TEST_F(SharedMemoryTest, AMappingLeavesNothingBehind) {
  const auto lines = [] {
    std::ifstream maps("/proc/self/maps");
    size_t count = 0;
    for (std::string line; std::getline(maps, line);) {
      if (line.find("upload-response") != std::string::npos) count++;
    }
    return count;
  };
  {
    Mapping mapping;
    ASSERT_OK(mapping.map(file_, kSize, true, &detail_));
    ASSERT_OK(mapping.map(file_, kSize, true, &detail_));
    EXPECT_EQ(lines(), 1U);
  }
  EXPECT_EQ(lines(), 0U);
}

TEST_F(SharedMemoryTest, MovingKeepsTheDescriptorOnce) {
  const int fd = file_.fd();
  MemoryFile moved(std::move(file_));
  EXPECT_EQ(moved.fd(), fd);
  MemoryFile assigned;
  assigned = std::move(moved);
  EXPECT_EQ(assigned.fd(), fd);
  assigned.close();
  assigned.close();
  EXPECT_EQ(fcntl(fd, F_GETFD), -1);
}

}  // namespace
}  // namespace ur::test
