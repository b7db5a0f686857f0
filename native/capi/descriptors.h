// The descriptors of one worker, which outlive its attachments. Any thread; nudge() and raise() in a
// signal handler, too.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>

#include "core/status.gen.h"

namespace ur::capi {

// A descriptor that is readable from set() to clear().
class Event {
 public:
  Event() = default;
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  ~Event();

  [[nodiscard]] bool open();
  void set();
  void clear();
  int fd() const { return read_; }

 private:
  int read_ = -1;
  int write_ = -1;  // the same where the system has descriptors for events
};

class Descriptors {
 public:
  [[nodiscard]] Status open() { return nudges_.open() ? Status::kOk : Status::kSystem; }
  // Ends a pause of the keeper, or between two attempts to attach.
  void nudge() { nudges_.set(); }
  // Sleeps until a nudge, at most `timeout_ns`.
  void pause(uint64_t timeout_ns);

  // The caller's descriptor, which is made at the first call; -1: the system has none.
  int shown();
  bool is_shown() const { return is_shown_.load(std::memory_order_acquire); }
  void raise();
  void lower();

  std::atomic<bool> stopping{false};  // ur_worker_stop

 private:
  Event nudges_;
  std::mutex mutex_;  // making shown_
  Event shown_;
  std::atomic<bool> is_shown_{false};
};

}  // namespace ur::capi
