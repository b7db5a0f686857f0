#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#if defined(__linux__)
#include <sys/syscall.h>
#endif

#include "arbiter.h"
#include "core/clock.h"
#include "worker_row.h"

namespace ur {
namespace {

constexpr uint64_t kHelloTimeoutNs = 2'000'000'000;
constexpr size_t kMaxConnections = 256;           // monitors and strangers included

// Never to be inherited, not even by a child that another thread starts at this moment: it would keep
// the connection open beyond the server's death.
int accept_one(int listener) {
#if defined(SOCK_CLOEXEC)
  return accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
#else
  const int fd = accept(listener, nullptr, nullptr);
  if (fd < 0) return fd;
  fcntl(fd, F_SETFD, FD_CLOEXEC);
  set_nonblocking(fd);
  return fd;
#endif
}

int open_pidfd(uint32_t pid) {
#if defined(__linux__) && defined(SYS_pidfd_open)
  return static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
#else
  (void)pid;
  return -1;
#endif
}

}  // namespace

void Arbiter::accept_all() {
  for (;;) {
    const int fd = accept_one(listener_.fd);
    const bool none = fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM);
    deaf_until_ns_ = none ? monotonic_ns() + kDeafMs * 1'000'000ULL : 0;
    if (fd < 0) return;
    if (connections_.size() >= kMaxConnections) {
      close(fd);
      continue;
    }
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
  status = take_row(connection, observer, file);
  if (status != Status::kOk) return status;
  connection->pidfd = open_pidfd(peer.pid);
  connection->state = Connection::State::kAttached;
  welcome->worker = connection->worker;
  welcome->generation =
      segment_->worker(connection->worker).owner.load(std::memory_order_relaxed) >> 8;
  return Status::kOk;
}

Status Arbiter::take_row(Connection* connection, uint32_t observer, MemoryFile* file) {
  for (uint32_t i = 1; i < segment_->geometry().worker_count; i++) {
    // What the row itself says any worker could have written.
    const auto has_row = [i](const Connection& other) { return other.worker == i && !other.gone; };
    if (std::any_of(connections_.begin(), connections_.end(), has_row)) continue;
    Status locked = segment_->file().reopen(true, file);
    if (locked == Status::kOk) {
      locked = file->lock_byte(i);
      if (locked == Status::kFull) continue;  // somebody still has a mapping as this worker
    } else {
      // No /proc, or no descriptor left: the socket's end is then the only proof of its death.
      *file = MemoryFile(fcntl(segment_->file().fd(), F_DUPFD_CLOEXEC, 0));
      if (file->fd() < 0) return Status::kSystem;
    }
    connection->locked = locked == Status::kOk;
    connection->worker = i;
    fill_row(&segment_->worker(i), connection->pid, connection->hello.role & (kRoleResponder | kRoleObserver),
             observer, connection->hello.capacity, connection->name);
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

}  // namespace ur
