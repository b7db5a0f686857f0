// Copying bytes that another process may be overwriting; the caller detects that by the slot's `seq`
// and drops what it copied. Word by word with relaxed loads where a race detector watches.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace ur {

#if defined(__SANITIZE_THREAD__)
#define UR_THREAD_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define UR_THREAD_SANITIZER 1
#endif
#endif

#if defined(UR_THREAD_SANITIZER)
__attribute__((no_sanitize("thread"), noinline)) inline void copy_from_shared(
    uint8_t* target, const uint8_t* source, size_t length) {
  const volatile uint8_t* bytes = source;
  for (size_t i = 0; i < length; i++) target[i] = bytes[i];
}
#else
inline void copy_from_shared(uint8_t* target, const uint8_t* source, size_t length) {
  std::memcpy(target, source, length);
}
#endif

}  // namespace ur
