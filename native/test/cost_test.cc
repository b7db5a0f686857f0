// What a slot costs: no allocation anywhere, and no system call when nobody sleeps. The file's own
// operator new and syscall() stand before the library's and count.
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <cstdlib>
#include <new>

#include "core/doorbell.h"
#include "test/support/host.h"

namespace {
thread_local uint64_t allocations = 0;
thread_local uint64_t system_calls = 0;
}  // namespace

void* operator new(size_t size) {
  allocations++;
  void* memory = std::malloc(size);
  if (memory == nullptr) std::abort();
  return memory;
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }

#if defined(__x86_64__)
// As libc's; everything in core that sleeps or wakes goes through it.
extern "C" long syscall(long number, ...) noexcept {
  system_calls++;
  va_list list;
  va_start(list, number);
  long args[6];
  for (long& arg : args) arg = va_arg(list, long);
  va_end(list);
  register long r10 asm("r10") = args[3];
  register long r8 asm("r8") = args[4];
  register long r9 asm("r9") = args[5];
  long result = number;
  asm volatile("syscall"
               : "+a"(result)
               : "D"(args[0]), "S"(args[1]), "d"(args[2]), "r"(r10), "r"(r8), "r"(r9)
               : "rcx", "r11", "memory");
  if (result >= 0 || result < -4095) return result;
  errno = static_cast<int>(-result);
  return -1;
}
#endif

namespace ur::test {
namespace {

class CostTest : public ::testing::Test {
 protected:
  // Runs `work` once to settle, then counts.
  template <typename Work>
  void count(Work work) {
    work();
    const uint64_t allocated = allocations;
    const uint64_t called = system_calls;
    for (int i = 0; i < 1000; i++) work();
    allocated_ = allocations - allocated;
    called_ = system_calls - called;
  }

  Host host_;
  uint64_t id_ = host_.open();
  LaneRef lane_ = host_.request(id_);
  LaneWriter writer_ = request_writer(host_, id_);
  LaneReader reader_ = join(host_.worker(1), id_, kRequestLane);
  uint64_t allocated_ = 0;
  uint64_t called_ = 0;
};

TEST_F(CostTest, ASlotAllocatesNothingAndCallsNobody) {
  const auto bytes = pattern(1024, 1);
  SlotView views[8];
  uint32_t seen = 0;
  count([&] {
    uint64_t taken = 0;
    uint8_t* slot = nullptr;
    ASSERT_OK(writer_.write(bytes.data(), 1024, kSlotBody));
    ASSERT_OK(writer_.append(bytes.data(), 1000, &taken));
    ASSERT_OK(writer_.flush());
    ASSERT_OK(writer_.reserve(&slot));
    ASSERT_OK(writer_.commit(10, kSlotBody));
    ASSERT_OK(reader_.tail(views, 8, &seen));
    ASSERT_EQ(seen, 3U);
    ASSERT_OK(reader_.verify(views[0].id));
    ASSERT_OK(reader_.ack(reader_.position()));
    ASSERT_EQ(reader_.last(), reader_.position());
  });
  EXPECT_EQ(allocated_, 0U);
  EXPECT_EQ(called_, 0U);
}

TEST_F(CostTest, FullEmptyAndParkedCostNothingEither) {
  write_slots(writer_, 8);
  LaneReader other = join(host_.worker(2), id_, kRequestLane, LaneReader::kFromNewest);
  uint8_t into[1024];
  uint32_t length = 0;
  uint32_t flags = 0;
  count([&] {
    uint8_t* slot = nullptr;
    ASSERT_EQ(writer_.reserve(&slot), Status::kFull);
    ASSERT_EQ(writer_.park(), Status::kFull);
    ASSERT_EQ(other.park(), Status::kEmpty);
    ASSERT_OK(copy_slot(lane_, 3, into, sizeof into, &length, &flags));
    forget_rings(*host_.server(), 0);
  });
  EXPECT_EQ(allocated_, 0U);
  EXPECT_EQ(called_, 0U);
}

// Somebody is parked but awake: a bit and a counter, no system call.
TEST_F(CostTest, RingingWhoIsAwakeCallsNobody) {
  const uint8_t byte = 1;
  count([&] {
    ASSERT_EQ(reader_.park(), Status::kEmpty);
    ASSERT_OK(writer_.write(&byte, 1, kSlotBody));
    tail_count(reader_);
    ASSERT_OK(reader_.ack(reader_.position()));
    ring(*host_.server(), 3, 0);
  });
  EXPECT_EQ(allocated_, 0U);
  EXPECT_EQ(called_, 0U);
}

TEST_F(CostTest, NobodyIsRungWhoIsNotParked) {
  const uint8_t byte = 1;
  const uint32_t before = host_.row(1).doorbell.load();
  for (int i = 0; i < 100; i++) {
    ASSERT_OK(writer_.write(&byte, 1, kSlotBody));
    tail_count(reader_);
    ASSERT_OK(reader_.ack(reader_.position()));
  }
  EXPECT_EQ(host_.row(1).doorbell.load(), before);
  EXPECT_EQ(host_.row(0).doorbell.load(), 0U);
}

TEST_F(CostTest, WhoSleepsIsWokenByOneCall) {
  host_.row(1).asleep.store(1);
  ASSERT_EQ(reader_.park(), Status::kEmpty);
  const uint64_t before = system_calls;
  write_slots(writer_, 3);
  EXPECT_EQ(system_calls - before, 1U);
}

}  // namespace
}  // namespace ur::test
