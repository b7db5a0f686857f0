// What libsrt's receiver thread needs of the engine while a caller's handshake waits, which outlives the
// engine where a handshake is still in it; and what its sources have in common.
#pragma once

#include <arpa/inet.h>
#include <srt/srt.h>

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "srt/engine/engine.h"

namespace ur {

struct SrtEngine::Shared {
  SrtCredentialTable credentials;
  std::atomic<bool> down{false};
  // Callers that were accepted and not closed.
  std::atomic<int> open{0};
  std::mutex mutex;
  std::map<int, uint64_t> refused;

  void count(SrtReject reject) {
    const std::lock_guard lock(mutex);
    ++refused[static_cast<int>(reject)];
  }
};

// What one listener hands to its callers.
struct SrtHook {
  std::shared_ptr<SrtEngine::Shared> shared;
  SrtListenOptions options;
};

// False, and `detail` says what libsrt did not do.
inline bool last_srt_error(std::string* detail) {
  *detail = srt_getlasterror_str();
  return false;
}

// It stands at the same place in both families.
inline uint16_t srt_port_of(const sockaddr_storage& address) {
  return ntohs(reinterpret_cast<const sockaddr_in*>(&address)->sin_port);
}

}  // namespace ur
