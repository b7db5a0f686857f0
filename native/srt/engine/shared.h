// What libsrt's receiver thread needs of the engine while a caller's handshake waits. It outlives the
// engine where a handshake is still in it.
#pragma once

#include <srt/srt.h>

#include <atomic>
#include <map>
#include <memory>
#include <mutex>

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

}  // namespace ur
