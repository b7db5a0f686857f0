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
constexpr uint64_t kReturnNs = 5'000'000'000;       // after an adoption many rows change
constexpr int kReturnRoundMs = 50;

}  // namespace

Status Arbiter::listen(const std::string& socket, std::string* detail) {
  return listen_unix(socket, &listener_, detail);
}

Status Arbiter::start(Segment* segment, const std::string& name, std::string* detail) {
  segment->set_self(0);
  // Through the file that this process has mapped: who comes after it sees that the mapping is gone.
  if (segment->resumable() && segment->file().lock_byte(0) != Status::kOk) {
    *detail = "several ingress processes need open-file-description locks";
    return Status::kUnsupported;
  }
  fill_row(&segment->worker(0), static_cast<uint32_t>(getpid()), kRoleIngress, kNoIndex, 0, name);
  return start_thread(segment, detail);
}

Status Arbiter::adopt(Segment* segment, std::string* detail) {
  segment_ = segment;
  adopted_ns_ = monotonic_ns();
  find_rows();
  ArbiterEvent event;
  event.kind = ArbiterEvent::Kind::kArbiter;
  event.worker = segment->self();
  event.pid = static_cast<uint32_t>(getpid());
  report(std::move(event));
  return start_thread(segment, detail);
}

// Which rows are alive the locks say, not the rows.
void Arbiter::find_rows() {
  for (uint32_t i = 0; i < segment_->geometry().worker_count; i++) {
    if (i == segment_->self()) continue;
    const WorkerRow& row = segment_->worker(i);
    const uint64_t state = row.owner.load(std::memory_order_acquire) & 0xFF;
    const Status locked = segment_->file().probe_byte(i);
    if (locked == Status::kOk && state == static_cast<uint64_t>(WorkerState::kFree)) continue;
    Connection known;
    known.state = Connection::State::kSurvivor;
    known.worker = i;
    known.pid = row.pid.load(std::memory_order_relaxed);
    known.ingress = (row.role.load(std::memory_order_relaxed) & kRoleIngress) != 0;
    known.locked = true;
    known.name.assign(row.name, strnlen(row.name, sizeof row.name));
    if (locked == Status::kOk) check_death(&known);
    if (!known.gone) connections_.push_back(std::move(known));
  }
}

Status Arbiter::start_thread(Segment* segment, std::string* detail) {
  if (pipe(wake_) != 0) {
    *detail = errno_text("pipe");
    return Status::kSystem;
  }
  for (int end : wake_) {
    fcntl(end, F_SETFD, FD_CLOEXEC);
    set_nonblocking(end);
  }
  segment_ = segment;
  segment->header().arbiter.store(segment->self(), std::memory_order_relaxed);
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
  segment_->worker(segment_->self()).role.store(0, std::memory_order_relaxed);
  if (!others_serve()) {
    segment_->header().state.store(static_cast<uint32_t>(SegmentState::kDead),
                                   std::memory_order_release);
  }
  for (auto& connection : connections_) drop(&connection);
  connections_.clear();
  close_listener(&listener_);
  for (int& end : wake_) {
    if (end >= 0) close(end);
    end = -1;
  }
  segment_ = nullptr;
}

bool Arbiter::others_serve() {
  return std::any_of(connections_.begin(), connections_.end(), [this](const Connection& other) {
    return other.ingress && !other.gone && other.worker != kNoIndex &&
           segment_->worker(other.worker).role.load(std::memory_order_relaxed) != 0 &&
           segment_->file().probe_byte(other.worker) == Status::kFull;
  });
}

int Arbiter::round_timeout_ms() const {
  int timeout_ms = deaf_until_ns_ != 0 ? kDeafMs : 1000;
  if (monotonic_ns() - adopted_ns_ < kReturnNs) timeout_ms = kReturnRoundMs;
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
  char bytes[512];
  const ssize_t count = recv(connection->fd, bytes, sizeof bytes, 0);
  if (count > 0 && connection->ingress) {
    take_orders(connection, bytes, static_cast<size_t>(count));
  }
  if (count > 0 || (count < 0 && (errno == EAGAIN || errno == EINTR))) return;
  if (connection->state == Connection::State::kMonitor) {
    drop(connection);
    return;
  }
  connection->state = Connection::State::kDying;
  check_death(connection);
}

void Arbiter::take_orders(Connection* connection, const char* bytes, size_t length) {
  std::string& orders = connection->orders;
  orders.append(bytes, length);
  size_t at = 0;
  for (Order order; orders.size() - at >= sizeof order; at += sizeof order) {
    std::memcpy(&order, orders.data() + at, sizeof order);
    if (order.kind != kOrderKill) continue;
    [[maybe_unused]] const Status killed = kill_known(order.worker);  // or it has gone already
  }
  orders.erase(0, at);
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
  event.ingress = connection->ingress;
  event.recovery = recover_worker(*segment_, connection->worker);
  report(std::move(event));
  drop(connection);
}

// A forked child can keep a dead worker's socket open; it cannot keep the mapping.
void Arbiter::check_all_locks() {
  if (monotonic_ns() < next_check_ns_) return;
  const bool adopted = monotonic_ns() - adopted_ns_ < kReturnNs;
  next_check_ns_ = monotonic_ns() + (adopted ? kReturnRoundMs * 1'000'000ULL : kLockCheckNs);
  for (auto& connection : connections_) {
    const bool alive = connection.state == Connection::State::kAttached ||
                       connection.state == Connection::State::kSurvivor;
    if (alive && connection.locked && !connection.gone &&
        segment_->file().probe_byte(connection.worker) == Status::kOk) {
      connection.state = Connection::State::kDying;
      check_death(&connection);
    }
  }
}

void Arbiter::drop(Connection* connection) {
  if (connection->gone) return;
  if (connection->fd >= 0) close(connection->fd);
  if (connection->pidfd >= 0) close(connection->pidfd);
  connection->fd = connection->pidfd = -1;
  connection->gone = true;
}

void Arbiter::report(ArbiterEvent event) {
  // The streams that it inherits it must hear of: nobody else frees their places.
  if (events_.size() < kMaxEvents || !event.recovery.streams.empty()) {
    events_.push_back(std::move(event));
  }
  ring_plain(*segment_, segment_->self());
}

std::vector<ArbiterEvent> Arbiter::take_events() {
  const std::lock_guard<std::mutex> guard(mutex_);
  return std::exchange(events_, {});
}

Status Arbiter::kill(uint32_t worker) {
  const std::lock_guard<std::mutex> guard(mutex_);
  return kill_known(worker);
}

Status Arbiter::kill_known(uint32_t worker) {
#if defined(__linux__) && defined(SYS_pidfd_send_signal)
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
