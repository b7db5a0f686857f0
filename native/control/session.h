// A worker's side of the control socket: connect, say hello, map the segment, notice the server's end.
#pragma once

#include <memory>
#include <string>

#include "core/segment.h"

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
  bool connected() const;
  // Unmaps and disconnects: the server gives everything back. Idempotent.
  void close();

  Segment* segment() const { return segment_.get(); }

 private:
  std::unique_ptr<Segment> segment_;
  int socket_ = -1;
};

}  // namespace ur
