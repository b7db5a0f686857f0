#include "unix_socket.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "core/clock.h"
#include "core/shared_memory.h"
#include "protocol.h"

namespace ur {
namespace {

int open_socket() {
#if defined(SOCK_CLOEXEC)
  return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
#else
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  if (fd >= 0) fcntl(fd, F_SETFD, FD_CLOEXEC);
  return fd;
#endif
}

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

int connect_fd(const std::string& path, bool wait) {
  int fd = open_socket();
  if (fd < 0) return -1;
  if (!wait) set_nonblocking(fd);
  sockaddr_un address = address_of(path);
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) return fd;
  int error = errno;
  close(fd);
  errno = error;
  return -1;
}

void make_parent(const std::string& path) {
  const size_t slash = path.find_last_of('/');
  if (slash == std::string::npos || slash == 0) return;
  mkdir(path.substr(0, slash).c_str(), 0700);  // what goes wrong shows in bind
}

// The lock file stays: removing it would let a third server lock another file of the same name.
Status lock_path(const std::string& path, int* fd, std::string* detail) {
  *fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (*fd < 0) {
    *detail = "'" + path + "': " + std::strerror(errno);
    return Status::kInvalidSocketPath;
  }
  if (flock(*fd, LOCK_EX | LOCK_NB) == 0) return Status::kOk;
  *detail = path;
  close(*fd);
  return Status::kSocketInUse;
}

Status bind_and_listen(const std::string& path, int* fd, std::string* detail) {
  *fd = open_socket();
  if (*fd < 0) {
    *detail = errno_text("socket");
    return Status::kSystem;
  }
  sockaddr_un address = address_of(path);
  const mode_t before = umask(0177);
  const int bound = bind(*fd, reinterpret_cast<sockaddr*>(&address), sizeof address);
  const int error = errno;
  umask(before);
  if (bound != 0 || listen(*fd, 128) != 0) {
    *detail = "'" + path + "': " + std::strerror(bound != 0 ? error : errno);
    close(*fd);
    return Status::kInvalidSocketPath;
  }
  set_nonblocking(*fd);
  return Status::kOk;
}

}  // namespace

Status check_socket_path(const std::string& path, std::string* detail) {
  if (!path.empty() && path.size() < sizeof(sockaddr_un::sun_path) &&
      path.find('\0') == std::string::npos) {
    return Status::kOk;
  }
  *detail = "'" + path + "' has " + std::to_string(path.size()) + " bytes, accepted are 1 to " +
            std::to_string(sizeof(sockaddr_un::sun_path) - 1);
  return Status::kInvalidSocketPath;
}

Status listen_unix(const std::string& path, UnixListener* out, std::string* detail) {
  Status status = check_socket_path(path, detail);
  if (status != Status::kOk) return status;
  make_parent(path);
  struct stat info;
  if (lstat(path.c_str(), &info) == 0 && !S_ISSOCK(info.st_mode)) {
    *detail = "'" + path + "' is there and not a socket";
    return Status::kInvalidSocketPath;
  }
  UnixListener listener;
  listener.path = path;
  status = lock_path(path + ".lock", &listener.lock, detail);
  if (status != Status::kOk) return status;
  // Whatever socket is there now is stale: its server would hold the lock.
  if (lstat(path.c_str(), &info) == 0 && S_ISSOCK(info.st_mode)) unlink(path.c_str());
  status = bind_and_listen(path, &listener.fd, detail);
  if (status != Status::kOk) {
    close(listener.lock);
    return status;
  }
  *out = std::move(listener);
  return Status::kOk;
}

void close_listener(UnixListener* listener) {
  if (listener->fd < 0) return;
  unlink(listener->path.c_str());
  close(listener->fd);
  close(listener->lock);
  listener->fd = listener->lock = -1;
}

Status connect_unix(const std::string& path, int* fd, std::string* detail, bool wait) {
  Status status = check_socket_path(path, detail);
  if (status != Status::kOk) return status;
  *fd = connect_fd(path, wait);
  if (*fd >= 0) return Status::kOk;
  *detail = "'" + path + "': " + std::strerror(errno);
  return errno == EACCES || errno == EPERM ? Status::kPermissionDenied : Status::kServerGone;
}

Status send_with_fd(int socket, const void* data, size_t length, int fd) {
  iovec part = {const_cast<void*>(data), length};
  msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  if (fd >= 0) {
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
  }
#if defined(MSG_NOSIGNAL)
  const int flags = MSG_NOSIGNAL;
#else
  const int flags = 0;
#endif
  ssize_t sent = 0;
  do {
    sent = sendmsg(socket, &message, flags);
  } while (sent < 0 && errno == EINTR);
  return sent == static_cast<ssize_t>(length) ? Status::kOk : Status::kServerGone;
}

Status receive_with_fd(int socket, void* data, size_t length, int timeout_ms, int* fd) {
  *fd = -1;
  size_t got = 0;
  const uint64_t deadline = monotonic_ns() + static_cast<uint64_t>(timeout_ms) * 1000000;
  while (got < length) {
    const uint64_t now = monotonic_ns();
    if (now >= deadline) return Status::kTimedOut;
    pollfd wait = {socket, POLLIN, 0};
    if (poll(&wait, 1, static_cast<int>((deadline - now) / 1000000) + 1) <= 0) continue;
    iovec part = {static_cast<uint8_t*>(data) + got, length - got};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
    msghdr message = {};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
#if defined(MSG_CMSG_CLOEXEC)
    const ssize_t count = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
#else
    const ssize_t count = recvmsg(socket, &message, 0);
#endif
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return Status::kServerGone;
    for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
         header = CMSG_NXTHDR(&message, header)) {
      if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
      // The buffer's padding takes a second one from a peer that is not ours.
      const size_t fds = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
      for (size_t i = 0; i < fds; i++) {
        int received = -1;
        std::memcpy(&received, CMSG_DATA(header) + i * sizeof(int), sizeof received);
        if (*fd >= 0) close(*fd);
        *fd = received;
      }
    }
    got += static_cast<size_t>(count);
  }
  return Status::kOk;
}

Status peer_of(int socket, Peer* peer) {
#if defined(__linux__)
  ucred credentials = {};
  socklen_t length = sizeof credentials;
  if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0) {
    return Status::kSystem;
  }
  peer->pid = static_cast<uint32_t>(credentials.pid);
  peer->uid = credentials.uid;
  return Status::kOk;
#else
  uid_t uid = 0;
  gid_t gid = 0;
  if (getpeereid(socket, &uid, &gid) != 0) return Status::kSystem;
  peer->uid = uid;
  return Status::kOk;
#endif
}

bool is_closed(int socket) {
  char byte;
  const ssize_t count = recv(socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return count == 0 || (count < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
}

void set_nonblocking(int fd) {
  const int flags = fcntl(fd, F_GETFL);
  fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

}  // namespace ur
