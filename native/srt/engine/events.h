// What the owner of an engine is told, by its thread and now and then by a call of the owner itself.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "core/status.gen.h"

namespace ur {

struct SrtEvent {
  enum class Kind : uint8_t {
    kConnected,
    kReady,    // something that was armed
    kFull,     // of a body: the lane is. It stands until go_on()
    kWhole,    // as much has come as was declared
    kTooLong,  // more than was declared: nothing is read any more
    kFailed,   // `status`: the body could not be written, the rest is dropped
    kEnd,      // after everything else
    kBroken,   // the same; something may be missing
  };
  Kind kind = Kind::kReady;
  int socket = 0;
  Status status = Status::kOk;
  // Of kConnected.
  bool file = false;
  std::string peer = {};
  uint16_t peer_port = 0;
  std::string stream_id = {};
};

class SrtEvents {
 public:
  // Before anything is pushed. `notify` is called when events wait to be taken, on the pusher's thread.
  void notify_by(std::function<void()> notify) { notify_ = std::move(notify); }
  void push(SrtEvent event) {
    {
      const std::lock_guard lock(mutex_);
      events_.push_back(std::move(event));
    }
    notify_();
  }
  std::vector<SrtEvent> take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(events_, {});
  }

 private:
  std::function<void()> notify_;
  std::mutex mutex_;
  std::vector<SrtEvent> events_;
};

}  // namespace ur
