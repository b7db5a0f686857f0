// Unix stream sockets with descriptors. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "core/status.gen.h"

namespace ur {

// A bound control socket and the lock that makes its path this server's: of two servers that start on
// one path one gets the lock, so that neither removes the other's socket.
struct UnixListener {
  int fd = -1;
  int lock = -1;
  std::string path;
};

// Binds and listens, mode 0600, in a folder that is made (0700) when it is missing. A stale socket
// file is replaced; kSocketInUse while another server has the path.
[[nodiscard]] Status listen_unix(const std::string& path, UnixListener* out, std::string* detail);
// Removes the socket and gives the path back. Idempotent.
void close_listener(UnixListener* listener);
// kServerGone when nobody listens, kPermissionDenied. `wait`: for room in the listener's queue.
[[nodiscard]] Status connect_unix(const std::string& path, int* fd, std::string* detail,
                                  bool wait = true);

// Sends `length` bytes and, unless it is -1, a descriptor. The socket's buffer takes it at once.
[[nodiscard]] Status send_with_fd(int socket, const void* data, size_t length, int fd);
// Receives exactly `length` bytes within `timeout_ms`, and the descriptor that came along (or -1).
[[nodiscard]] Status receive_with_fd(int socket, void* data, size_t length, int timeout_ms, int* fd);

struct Peer {
  uint32_t pid = 0;
  uint32_t uid = 0;
};
[[nodiscard]] Status peer_of(int socket, Peer* peer);
// True once the other side has closed.
bool is_closed(int socket);
void set_nonblocking(int fd);

}  // namespace ur
