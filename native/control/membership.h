// An ingress process's place among those that serve one segment. One of them is the arbiter; when it
// ends, however it ends, the others notice, and who gets the lock of the socket's path first takes its
// place. created, joined and closed on one thread; the rest may be called from any.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "arbiter.h"
#include "core/segment.h"
#include "session.h"

namespace ur {

class Membership {
 public:
  Membership() = default;
  Membership(const Membership&) = delete;
  Membership& operator=(const Membership&) = delete;
  ~Membership() { close(); }

  // Creates the segment and is its arbiter: kSocketInUse while another process is, and what
  // Segment::create and Arbiter::start say.
  [[nodiscard]] Status create(const SegmentConfig& config, const std::string& socket,
                              const std::string& name, std::string* detail);
  // Attaches to a segment that others serve; waits for an arbiter as long as options.timeout_ms.
  // What Session::attach says; kPermissionDenied: the segment is one process's own.
  [[nodiscard]] Status join(SessionOptions options, std::string* detail);

  // Looks after the arbiter, and takes its place when that is free. False once the segment is lost:
  // nobody let this process go on. To be called again and again, as Session::connected.
  bool connected();
  bool resuming() const { return session_.resuming(); }
  bool lost() const { return lost_.load(std::memory_order_relaxed); }
  bool is_arbiter();
  // What the arbiter has to tell; nothing where it is another process.
  std::vector<ArbiterEvent> take_events();
  // SIGKILL; the arbiter's process does it for the others, which are not told how it went.
  [[nodiscard]] Status kill(uint32_t worker);
  // Gives everything up; the others go on. Idempotent.
  void close();

  Segment* segment() const { return created_ ? created_.get() : session_.segment(); }

 private:
  [[nodiscard]] bool take_over();

  std::unique_ptr<Segment> created_;
  Session session_;  // of who joined; keeps its segment when it is the arbiter
  std::string socket_;
  std::atomic<bool> lost_{false};
  std::mutex mutex_;
  std::unique_ptr<Arbiter> arbiter_;
};

}  // namespace ur
