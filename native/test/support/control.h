// A server with its control socket in a folder of its own, and raw clients that say what they like.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "control/arbiter.h"
#include "control/protocol.h"
#include "control/session.h"
#include "control/unix_socket.h"
#include "test/support/host.h"
#include "test/support/waiting.h"

namespace ur::test {

// A folder that goes with the test.
class Folder {
 public:
  Folder() {
    char name[] = "/tmp/ur-test-XXXXXX";
    path_ = mkdtemp(name);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { std::filesystem::remove_all(path_); }
  std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

class Server {
 public:
  explicit Server(const SegmentConfig& config = small_config()) : host_(config) {
    std::string detail;
    EXPECT_EQ(Status::kOk, arbiter_.listen(socket(), &detail)) << detail;
    EXPECT_EQ(Status::kOk, arbiter_.start(host_.server(), "server", &detail)) << detail;
  }

  std::string socket() const { return folder_.file("control.sock"); }
  Host& host() { return host_; }
  Segment* segment() { return host_.server(); }
  Arbiter& arbiter() { return arbiter_; }
  WorkerRow& row(uint32_t index) { return host_.row(index); }
  bool is_row_free(uint32_t index) { return (row(index).owner.load() & 0xFF) == 0; }

  // The next event of a kind, with everything before it thrown away; the test fails without one.
  ArbiterEvent next(ArbiterEvent::Kind kind, uint64_t within_ns = kWatchdog) {
    ArbiterEvent found;
    const bool came = eventually(
        [&] {
          for (ArbiterEvent& event : arbiter_.take_events()) pending_.push_back(std::move(event));
          while (!pending_.empty()) {
            found = std::move(pending_.front());
            pending_.erase(pending_.begin());
            if (found.kind == kind) return true;
          }
          return false;
        },
        within_ns);
    EXPECT_TRUE(came) << "no event of kind " << static_cast<int>(kind);
    return found;
  }

 private:
  Folder folder_;
  Host host_;
  Arbiter arbiter_;
  std::vector<ArbiterEvent> pending_;
};

inline SessionOptions session_options(const std::string& socket,
                                      uint32_t role = kRoleResponder) {
  SessionOptions options;
  options.socket = socket;
  options.name = "test worker";
  options.role = role;
  options.capacity = 3;
  options.timeout_ms = 20'000;
  return options;
}

inline Hello good_hello() {
  Hello hello = {};
  hello.magic = kControlMagic;
  hello.abi_major = kAbiMajor;
  hello.role = kRoleResponder;
  std::strcpy(hello.name, "raw");
  return hello;
}

// A client that is not a Session.
class RawClient {
 public:
  explicit RawClient(const std::string& socket) {
    std::string detail;
    EXPECT_EQ(Status::kOk, connect_unix(socket, &fd_, &detail)) << detail;
  }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;
  ~RawClient() { hang_up(); }

  void say(const void* bytes, size_t length) {
    EXPECT_EQ(static_cast<ssize_t>(length), ::send(fd_, bytes, length, MSG_NOSIGNAL));
  }
  void say(const Hello& hello) { say(&hello, sizeof hello); }
  // What the server answers; *file has the segment, if it came.
  Welcome hear(MemoryFile* file = nullptr) {
    Welcome welcome = {};
    int fd = -1;
    EXPECT_EQ(Status::kOk, receive_with_fd(fd_, &welcome, sizeof welcome, 20'000, &fd));
    MemoryFile received(fd);
    if (file != nullptr) *file = std::move(received);
    return welcome;
  }
  bool is_hung_up() const { return is_closed(fd_); }
  void hang_up() {
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
  }
  int fd() const { return fd_; }

 private:
  int fd_ = -1;
};

inline size_t open_descriptors() {
  const std::filesystem::directory_iterator folder("/proc/self/fd");
  return static_cast<size_t>(std::distance(begin(folder), end(folder)));
}

}  // namespace ur::test
