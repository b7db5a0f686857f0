// The side of the control socket that attaches, a worker's, a monitor's or another ingress process's:
// connect, say hello, map the segment, notice the server's end. Where several ingress processes serve
// the segment the end of one connection is not the end: the session then goes on with the next arbiter,
// while whoever uses the segment notices nothing.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>

#include "core/segment.h"
#include "protocol.h"

namespace ur {

struct SessionOptions {
  std::string socket;
  std::string name;
  uint32_t role = kRoleResponder;
  std::string observer;
  uint32_t capacity = 0;
  int timeout_ms = 5000;
};

class Session {
 public:
  Session() = default;
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session() { close(); }

  // Blocks for at most timeout_ms. kServerGone, kPermissionDenied, kAbiMismatch, kNoFreeWorker,
  // kUnknownObserver, kInvalidHandshake, kSegmentCorrupt; `detail` says more.
  [[nodiscard]] Status attach(const SessionOptions& options, std::string* detail);
  // False once the server has gone. To be called again and again, at least once a second: each call
  // does the next step of going on. Any thread; never blocks.
  bool connected();
  // The connection has ended, and no arbiter has let the session go on yet. Any thread.
  bool resuming() const { return resuming_.load(std::memory_order_relaxed); }
  // True while the socket itself is open. Any thread.
  bool has_connection();
  // An ingress process's order to the arbiter; kServerGone while there is none.
  [[nodiscard]] Status order(uint32_t kind, uint32_t worker);
  // Closes the socket and keeps the segment: this process is the arbiter now.
  void hang_up();
  // Unmaps and disconnects: the server gives everything back. Idempotent.
  void close();

  Segment* segment() const { return segment_.get(); }

 private:
  [[nodiscard]] Status resume();
  [[nodiscard]] Status begin_resume();
  bool is_open() const;
  bool may_come_back() const;
  void drop_attempt();

  std::unique_ptr<Segment> segment_;
  SessionOptions options_;
  Hello resume_hello_ = {};
  std::atomic<bool> resuming_{false};
  std::mutex mutex_;  // everything below
  int socket_ = -1;
  int attempt_ = -1;  // the connection on which the session asks to go on
  Welcome answer_ = {};
  size_t heard_ = 0;  // bytes of it
  uint64_t deadline_ns_ = 0;
  bool lost_ = false;
};

}  // namespace ur
