#include "futex.h"

#if defined(__linux__)
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#elif defined(__APPLE__)
#include <os/os_sync_wait_on_address.h>
#endif

namespace ur {

#if defined(__linux__)

void futex_wait(AtomicU32* word, uint32_t expected, uint64_t timeout_ns) {
  timespec timeout;
  timeout.tv_sec = static_cast<time_t>(timeout_ns / 1000000000ULL);
  timeout.tv_nsec = static_cast<long>(timeout_ns % 1000000000ULL);
  syscall(SYS_futex, reinterpret_cast<uint32_t*>(word), FUTEX_WAIT, expected, &timeout, nullptr, 0);
}

void futex_wake(AtomicU32* word) {
  syscall(SYS_futex, reinterpret_cast<uint32_t*>(word), FUTEX_WAKE, 1, nullptr, nullptr, 0);
}

#elif defined(__APPLE__)

void futex_wait(AtomicU32* word, uint32_t expected, uint64_t timeout_ns) {
  os_sync_wait_on_address_with_timeout(word, expected, 4, OS_SYNC_WAIT_ON_ADDRESS_SHARED,
                                       OS_CLOCK_MACH_ABSOLUTE_TIME, timeout_ns);
}

void futex_wake(AtomicU32* word) {
  os_sync_wake_by_address_any(word, 4, OS_SYNC_WAKE_BY_ADDRESS_SHARED);
}

#endif

}  // namespace ur
