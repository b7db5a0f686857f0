#include "arbiter.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

#include <cstring>
#include <utility>

#if defined(__linux__)
#include <sys/syscall.h>
#endif

#include "core/clock.h"
#include "core/doorbell.h"
#include "worker_row.h"

namespace ur {
namespace {

constexpr uint64_t kLockCheckNs = 1'000'000'000;  // for deaths that the socket did not tell
constexpr size_t kMaxEvents = 4096;               // a server that does not look keeps the oldest
constexpr int kDyingRoundMs = 5;

}  // namespace

Status Arbiter::listen(const std::string& socket, std::string* detail) {
  return listen_unix(socket, &listener_, detail);
}

Status Arbiter::start(Segment* segment, const std::string& name, std::string* detail) {
  if (pipe(wake_) != 0) {
    *detail = errno_text("pipe");
    return Status::kSystem;
  }
  for (int end : wake_) {
    fcntl(end, F_SETFD, FD_CLOEXEC);
    set_nonblocking(end);
  }
  segment_ = segment;
  segment->set_self(0);
  fill_row(&segment->worker(0), static_cast<uint32_t>(getpid()), kRoleIngress, kNoIndex, 0, name);
  stopping_ = false;
  thread_ = std::thread([this] { run(); });
  return Status::kOk;
}

void Arbiter::stop() {
  if (segment_ == nullptr) {
    close_listener(&listener_);
    return;
  }
  stopping_ = true;
  if (wake_[1] >= 0 && write(wake_[1], "x", 1) < 0) stopping_ = true;
  if (thread_.joinable()) thread_.join();
  segment_->header().state.store(static_cast<uint32_t>(SegmentState::kDead),
                                 std::memory_order_release);
  for (auto& connection : connections_) {
    close(connection.fd);
    if (connection.pidfd >= 0) close(connection.pidfd);
  }
  connections_.clear();
  close_listener(&listener_);
  for (int& end : wake_) {
    if (end >= 0) close(end);
    end = -1;
  }
  segment_ = nullptr;
}

int Arbiter::round_timeout_ms() const {
  int timeout_ms = deaf_until_ns_ != 0 ? kDeafMs : 1000;
  for (const auto& connection : connections_) {
    if (connection.state == Connection::State::kDying) return kDyingRoundMs;
    if (connection.state == Connection::State::kHello) timeout_ms = std::min(timeout_ms, 100);
  }
  return timeout_ms;
}

void Arbiter::run() {
  std::vector<pollfd> polled;
  while (!stopping_) {
    polled.clear();
    const bool deaf = monotonic_ns() < deaf_until_ns_;
    polled.push_back({deaf ? -1 : listener_.fd, POLLIN, 0});
    polled.push_back({wake_[0], POLLIN, 0});
    for (const auto& connection : connections_) {
      const bool dying = connection.state == Connection::State::kDying;
      polled.push_back({dying ? -1 : connection.fd, POLLIN, 0});
    }
    poll(polled.data(), polled.size(), round_timeout_ms());
    if (stopping_) break;
    const std::lock_guard<std::mutex> guard(mutex_);
    const size_t known = polled.size() - 2;
    for (size_t i = 0; i < known; i++) {
      Connection& connection = connections_[i];
      const bool readable = polled[i + 2].revents != 0;
      if (connection.state == Connection::State::kHello) {
        if (readable) read_hello(&connection);
        if (connection.state == Connection::State::kHello && !connection.gone &&
            monotonic_ns() > connection.deadline_ns) {
          refuse(&connection, Status::kTimedOut, "no hello within two seconds");
        }
      } else if (connection.state == Connection::State::kDying) {
        check_death(&connection);
      } else if (readable) {
        watch(&connection);
      }
    }
    check_all_locks();
    std::erase_if(connections_, [](const Connection& connection) { return connection.gone; });
    if ((polled[0].revents & POLLIN) != 0) accept_all();
  }
}

void Arbiter::watch(Connection* connection) {
  char ignored[512];
  const ssize_t count = recv(connection->fd, ignored, sizeof ignored, 0);
  if (count > 0 || (count < 0 && (errno == EAGAIN || errno == EINTR))) return;
  if (connection->state == Connection::State::kMonitor) {
    drop(connection);
    return;
  }
  connection->state = Connection::State::kDying;
  check_death(connection);
}

// The socket's end is the trigger; the free byte lock is the proof that nothing is mapped any more.
void Arbiter::check_death(Connection* connection) {
  if (connection->locked &&
      segment_->file().probe_byte(connection->worker) == Status::kFull) {
    return;
  }
  ArbiterEvent event;
  event.kind = ArbiterEvent::Kind::kDead;
  event.worker = connection->worker;
  event.pid = connection->pid;
  event.name = connection->name;
  event.recovery = recover_worker(*segment_, connection->worker);
  report(std::move(event));
  drop(connection);
}

// A forked child can keep a dead worker's socket open; it cannot keep the mapping.
void Arbiter::check_all_locks() {
  if (monotonic_ns() < next_check_ns_) return;
  next_check_ns_ = monotonic_ns() + kLockCheckNs;
  for (auto& connection : connections_) {
    if (connection.state == Connection::State::kAttached && connection.locked && !connection.gone &&
        segment_->file().probe_byte(connection.worker) == Status::kOk) {
      connection.state = Connection::State::kDying;
      check_death(&connection);
    }
  }
}

void Arbiter::drop(Connection* connection) {
  if (connection->gone) return;
  close(connection->fd);
  if (connection->pidfd >= 0) close(connection->pidfd);
  connection->fd = connection->pidfd = -1;
  connection->gone = true;
}

void Arbiter::report(ArbiterEvent event) {
  if (events_.size() < kMaxEvents) events_.push_back(std::move(event));
  ring_plain(*segment_, 0);
}

std::vector<ArbiterEvent> Arbiter::take_events() {
  const std::lock_guard<std::mutex> guard(mutex_);
  return std::exchange(events_, {});
}

Status Arbiter::kill(uint32_t worker) {
#if defined(__linux__) && defined(SYS_pidfd_send_signal)
  const std::lock_guard<std::mutex> guard(mutex_);
  for (const auto& connection : connections_) {
    if (worker == kNoIndex || connection.worker != worker || connection.gone) continue;
    if (connection.pidfd < 0) return Status::kUnsupported;
    return syscall(SYS_pidfd_send_signal, connection.pidfd, SIGKILL, nullptr, 0) == 0
               ? Status::kOk
               : Status::kSystem;
  }
  return Status::kInvalidArgument;
#else
  (void)worker;
  return Status::kUnsupported;
#endif
}

}  // namespace ur
