#include "arbiter.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <utility>
#include <cstring>

#if defined(__linux__)
#include <sys/syscall.h>
#endif

#include "core/clock.h"
#include "core/doorbell.h"
#include "unix_socket.h"

namespace ur {
namespace {

constexpr uint64_t kHelloTimeoutNs = 2'000'000'000;
constexpr uint64_t kLockCheckNs = 1'000'000'000;  // for deaths that the socket did not tell
constexpr size_t kMaxConnections = 256;           // monitors and strangers included
constexpr size_t kMaxEvents = 4096;               // a server that does not look keeps the oldest
constexpr int kDyingRoundMs = 5;

int open_pidfd(uint32_t pid) {
#if defined(__linux__) && defined(SYS_pidfd_open)
  return static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
#else
  (void)pid;
  return -1;
#endif
}

void fill_row(WorkerRow* row, uint32_t pid, uint32_t role, uint32_t observer, uint32_t capacity,
              const std::string& name) {
  row->pid.store(pid, std::memory_order_relaxed);
  row->role.store(role, std::memory_order_relaxed);
  row->observer.store(observer, std::memory_order_relaxed);
  row->capacity.store(capacity, std::memory_order_relaxed);
  row->in_flight.store(0, std::memory_order_relaxed);
  row->attached_ns.store(monotonic_ns(), std::memory_order_relaxed);
  row->heartbeat_ns.store(monotonic_ns(), std::memory_order_relaxed);
  std::memset(row->name, 0, sizeof row->name);
  std::memcpy(row->name, name.data(), std::min(name.size(), sizeof row->name - 1));
  const uint64_t generation = row->owner.load(std::memory_order_relaxed) >> 8;
  row->owner.store(generation << 8 | static_cast<uint64_t>(WorkerState::kAttached),
                   std::memory_order_release);
}

}  // namespace

Status Arbiter::start(Segment* segment, const std::string& socket, const std::string& name,
                      std::string* detail) {
  segment_ = segment;
  path_ = socket;
  Status status = listen_unix(socket, &listener_, detail);
  if (status != Status::kOk) return status;
  if (pipe(wake_) != 0) {
    *detail = "pipe: " + std::string(std::strerror(errno));
    return Status::kSystem;
  }
  for (int end : wake_) {
    fcntl(end, F_SETFD, FD_CLOEXEC);
    set_nonblocking(end);
  }
  segment->set_self(0);
  fill_row(&segment->worker(0), static_cast<uint32_t>(getpid()), kRoleIngress, kNoIndex, 0, name);
  stopping_ = false;
  thread_ = std::thread([this] { run(); });
  return Status::kOk;
}

void Arbiter::stop() {
  if (segment_ == nullptr) return;
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
  if (listener_ >= 0) {
    unlink(path_.c_str());
    close(listener_);
  }
  for (int& end : wake_) {
    if (end >= 0) close(end);
    end = -1;
  }
  listener_ = -1;
  segment_ = nullptr;
}

int Arbiter::round_timeout_ms() const {
  for (const auto& connection : connections_) {
    if (connection.state == Connection::State::kDying) return kDyingRoundMs;
    if (connection.state == Connection::State::kHello) return 100;
  }
  return 1000;
}

void Arbiter::run() {
  std::vector<pollfd> polled;
  while (!stopping_) {
    polled.clear();
    polled.push_back({listener_, POLLIN, 0});
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

void Arbiter::accept_all() {
  while (connections_.size() < kMaxConnections) {
    const int fd = accept(listener_, nullptr, nullptr);
    if (fd < 0) return;
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    set_nonblocking(fd);
    Connection connection;
    connection.fd = fd;
    connection.deadline_ns = monotonic_ns() + kHelloTimeoutNs;
    connections_.push_back(std::move(connection));
  }
}

void Arbiter::read_hello(Connection* connection) {
  auto* bytes = reinterpret_cast<uint8_t*>(&connection->hello);
  const ssize_t count = recv(connection->fd, bytes + connection->received,
                             sizeof(Hello) - connection->received, 0);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (count <= 0) {
    drop(connection);
    return;
  }
  connection->received += static_cast<size_t>(count);
  if (connection->received >= sizeof(uint64_t) && connection->hello.magic != kControlMagic) {
    refuse(connection, Status::kInvalidHandshake, "the first bytes are not a hello");
    return;
  }
  if (connection->received == sizeof(Hello)) answer(connection);
}

void Arbiter::answer(Connection* connection) {
  Welcome welcome = {};
  MemoryFile file;
  std::string detail;
  Status status = admit(connection, &welcome, &file, &detail);
  if (status != Status::kOk) {
    refuse(connection, status, detail);
    return;
  }
  welcome.magic = kControlMagic;
  welcome.segment_size = segment_->size();
  welcome.abi_major = kAbiMajor;
  welcome.abi_minor = kAbiMinor;
  const bool sent = send_with_fd(connection->fd, &welcome, sizeof welcome, file.fd()) == Status::kOk;
  file.close();
  if (connection->state == Connection::State::kMonitor) {
    if (!sent) drop(connection);
    return;
  }
  ArbiterEvent event;
  event.worker = connection->worker;
  event.pid = connection->pid;
  event.name = connection->name;
  report(std::move(event));
  if (!sent) connection->state = Connection::State::kDying;
}

Status Arbiter::admit(Connection* connection, Welcome* welcome, MemoryFile* file,
                      std::string* detail) {
  const Hello& hello = connection->hello;
  if (hello.abi_major != kAbiMajor) {
    *detail = "the worker speaks ABI " + std::to_string(hello.abi_major) + ", the server " +
              std::to_string(kAbiMajor);
    return Status::kAbiMismatch;
  }
  Peer peer;
  Status status = peer_of(connection->fd, &peer);
  if (status != Status::kOk) return status;
  if (peer.uid != geteuid() && peer.uid != 0) {
    *detail = "the server runs as user " + std::to_string(geteuid());
    return Status::kPermissionDenied;
  }
  connection->pid = peer.pid;
  connection->name.assign(hello.name, strnlen(hello.name, sizeof hello.name));
  if ((hello.role & kRoleMonitor) != 0) {
    connection->state = Connection::State::kMonitor;
    welcome->worker = kNoIndex;
    return segment_->file().reopen(false, file);
  }
  if ((hello.role & (kRoleResponder | kRoleObserver)) == 0) {
    *detail = "the hello names no role";
    return Status::kInvalidHandshake;
  }
  uint32_t observer = kNoIndex;
  const std::string name(hello.observer, strnlen(hello.observer, sizeof hello.observer));
  if (!name.empty()) {
    const auto& names = segment_->geometry().observers;
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end()) {
      *detail = "'" + name + "'";
      return Status::kUnknownObserver;
    }
    observer = static_cast<uint32_t>(found - names.begin());
  }
  status = take_row(*connection, observer, file, &connection->worker);
  if (status != Status::kOk) return status;
  connection->pidfd = open_pidfd(peer.pid);
  connection->state = Connection::State::kAttached;
  welcome->worker = connection->worker;
  welcome->generation =
      segment_->worker(connection->worker).owner.load(std::memory_order_relaxed) >> 8;
  return Status::kOk;
}

Status Arbiter::take_row(const Connection& connection, uint32_t observer, MemoryFile* file,
                         uint32_t* worker) {
  for (uint32_t i = 1; i < segment_->geometry().worker_count; i++) {
    WorkerRow& row = segment_->worker(i);
    const auto state = static_cast<WorkerState>(row.owner.load(std::memory_order_acquire) & 0xFF);
    if (state != WorkerState::kFree) continue;
    const Status reopened = segment_->file().reopen(true, file);
    if (reopened != Status::kOk) {
      // No /proc here: the socket's end stays the only proof of death.
      locks_ = false;
      *file = MemoryFile(fcntl(segment_->file().fd(), F_DUPFD_CLOEXEC, 0));
    } else {
      const Status locked = file->lock_byte(i);
      if (locked == Status::kFull) continue;
      if (locked != Status::kOk) locks_ = false;
    }
    fill_row(&row, connection.pid, connection.hello.role & (kRoleResponder | kRoleObserver),
             observer, connection.hello.capacity, connection.name);
    *worker = i;
    return Status::kOk;
  }
  return Status::kNoFreeWorker;
}

void Arbiter::refuse(Connection* connection, Status status, const std::string& detail) {
  Welcome welcome = {};
  welcome.magic = kControlMagic;
  welcome.status = static_cast<int32_t>(status);
  welcome.abi_major = kAbiMajor;
  welcome.abi_minor = kAbiMinor;
  std::memcpy(welcome.text, detail.data(), std::min(detail.size(), sizeof welcome.text - 1));
  const Status sent = send_with_fd(connection->fd, &welcome, sizeof welcome, -1);
  ArbiterEvent event;
  event.kind = ArbiterEvent::Kind::kRefused;
  event.pid = connection->pid;
  event.status = status;
  event.detail = sent == Status::kOk ? detail : detail + " (and it has gone)";
  report(std::move(event));
  drop(connection);
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
  if (locks_ && segment_->file().probe_byte(connection->worker) == Status::kFull) return;
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
  if (!locks_ || monotonic_ns() < next_check_ns_) return;
  next_check_ns_ = monotonic_ns() + kLockCheckNs;
  for (auto& connection : connections_) {
    if (connection.state == Connection::State::kAttached && !connection.gone &&
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
    if (connection.worker != worker || connection.gone) continue;
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
