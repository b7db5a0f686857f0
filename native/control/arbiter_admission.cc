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
  static constexpr uint8_t kAttachesAnew[sizeof(Hello::boot_uuid)] = {};
  const bool anew = std::memcmp(connection->hello.boot_uuid, kAttachesAnew, sizeof kAttachesAnew) == 0;
  Status status = check_peer(connection, &detail);
  if (status == Status::kOk) {
    status = anew ? admit(connection, &welcome, &file, &detail)
                  : resume(connection, &welcome, &detail);
  }
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
  event.kind = anew ? ArbiterEvent::Kind::kAttached : ArbiterEvent::Kind::kResumed;
  event.ingress = connection->ingress;
  event.worker = connection->worker;
  event.pid = connection->pid;
  event.name = connection->name;
  report(std::move(event));
  if (!sent) connection->state = Connection::State::kDying;
}

Status Arbiter::check_peer(Connection* connection, std::string* detail) {
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
  return Status::kOk;
}

Status Arbiter::admit(Connection* connection, Welcome* welcome, MemoryFile* file,
                      std::string* detail) {
  const Hello& hello = connection->hello;
  if ((hello.role & kRoleMonitor) != 0) {
    connection->state = Connection::State::kMonitor;
    welcome->worker = kNoIndex;
    return segment_->file().reopen(false, file);
  }
  connection->ingress = (hello.role & kRoleIngress) != 0;
  if (connection->ingress && !segment_->resumable()) {
    *detail = "the segment is served by one process; see server.processes";
    return Status::kPermissionDenied;
  }
  if ((hello.role & (kRoleIngress | kRoleResponder | kRoleObserver)) == 0) {
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
  Status status = take_row(connection, observer, file);
  if (status != Status::kOk) return status;
  connection->pidfd = open_pidfd(connection->pid);
  connection->state = Connection::State::kAttached;
  welcome->worker = connection->worker;
  welcome->generation =
      segment_->worker(connection->worker).owner.load(std::memory_order_relaxed) >> 8;
  return Status::kOk;
}

Status Arbiter::take_row(Connection* connection, uint32_t observer, MemoryFile* file) {
  const uint32_t roles = connection->ingress ? kRoleIngress : kRoleResponder | kRoleObserver;
  for (uint32_t i = 0; i < segment_->geometry().worker_count; i++) {
    if (i == segment_->self()) continue;
    // What the row itself says any worker could have written.
    const auto has_row = [i](const Connection& other) { return other.worker == i && !other.gone; };
    if (std::any_of(connections_.begin(), connections_.end(), has_row)) continue;
    Status locked = segment_->file().reopen(true, file);
    if (locked == Status::kOk) {
      locked = file->lock_byte(i);
      if (locked == Status::kFull) continue;  // somebody still has a mapping as this worker
    } else if (segment_->resumable()) {
      return Status::kSystem;  // without its lock the next arbiter could not know that it lives
    } else {
      // No /proc, or no descriptor left: the socket's end is then the only proof of its death.
      *file = MemoryFile(fcntl(segment_->file().fd(), F_DUPFD_CLOEXEC, 0));
      if (file->fd() < 0) return Status::kSystem;
    }
    connection->locked = locked == Status::kOk;
    connection->worker = i;
    fill_row(&segment_->worker(i), connection->pid, connection->hello.role & roles, observer,
             connection->hello.capacity, connection->name);
    return Status::kOk;
  }
  return Status::kNoFreeWorker;
}

// Goes on with an attachment whose connection has ended: that to another arbiter, or an earlier one to
// this. The lock says that the mapping is there; that it is the caller's, its boot id and generation.
Status Arbiter::resume(Connection* connection, Welcome* welcome, std::string* detail) {
  const Hello& hello = connection->hello;
  *detail = "it belongs to another segment";
  const uint8_t* boot = segment_->header().boot_uuid;
  if (std::memcmp(hello.boot_uuid, boot, sizeof hello.boot_uuid) != 0) return Status::kResumeRefused;
  if ((hello.role & kRoleMonitor) != 0) {
    connection->state = Connection::State::kMonitor;
    welcome->worker = kNoIndex;
    return Status::kOk;
  }
  const auto is_its = [&](const Connection& other) {
    return other.worker == hello.worker && other.worker != kNoIndex && !other.gone && other.locked &&
           (other.state != Connection::State::kAttached || is_closed(other.fd));
  };
  const auto known = std::find_if(connections_.begin(), connections_.end(), is_its);
  *detail = "its row is not its own any more";
  if (known == connections_.end()) return Status::kResumeRefused;
  const uint64_t owner = segment_->worker(known->worker).owner.load(std::memory_order_acquire);
  if (owner >> 8 != hello.generation || segment_->file().probe_byte(known->worker) != Status::kFull) {
    return Status::kResumeRefused;
  }
  connection->worker = known->worker;
  connection->locked = true;
  connection->ingress = known->ingress;
  connection->pidfd = open_pidfd(connection->pid);
  connection->state = Connection::State::kAttached;
  welcome->worker = connection->worker;
  welcome->generation = hello.generation;
  drop(&*known);
  return Status::kOk;
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
