#include "session.h"

#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "protocol.h"
#include "unix_socket.h"

namespace ur {
namespace {

Hello hello_of(const SessionOptions& options) {
  Hello hello = {};
  hello.magic = kControlMagic;
  hello.abi_major = kAbiMajor;
  hello.abi_minor = kAbiMinor;
  hello.role = options.role;
  hello.capacity = options.capacity;
  std::memcpy(hello.name, options.name.data(),
              std::min(options.name.size(), sizeof hello.name - 1));
  std::memcpy(hello.observer, options.observer.data(),
              std::min(options.observer.size(), sizeof hello.observer - 1));
  return hello;
}

Status check_welcome(const Welcome& welcome, std::string* detail) {
  if (welcome.magic != kControlMagic) {
    *detail = "the answer is not a welcome";
    return Status::kInvalidHandshake;
  }
  if (welcome.status == 0) return Status::kOk;
  detail->assign(welcome.text, strnlen(welcome.text, sizeof welcome.text));
  if (welcome.status > 0 || welcome.status < -1000) return Status::kInvalidHandshake;
  const Status status = status_of_number(static_cast<uint32_t>(-welcome.status));
  return status == Status::kSegmentCorrupt ? Status::kInvalidHandshake : status;
}

}  // namespace

Status Session::attach(const SessionOptions& options, std::string* detail) {
  close();
  Status status = connect_unix(options.socket, &socket_, detail);
  if (status != Status::kOk) return status;
  const Hello hello = hello_of(options);
  status = send_with_fd(socket_, &hello, sizeof hello, -1);
  Welcome welcome = {};
  int fd = -1;
  if (status == Status::kOk) {
    status = receive_with_fd(socket_, &welcome, sizeof welcome, options.timeout_ms, &fd);
    if (status != Status::kOk) *detail = "no answer on '" + options.socket + "'";
  }
  MemoryFile file(fd);
  if (status == Status::kOk) status = check_welcome(welcome, detail);
  if (status == Status::kOk && fd < 0) {
    *detail = "the welcome came without a segment";
    status = Status::kInvalidHandshake;
  }
  if (status == Status::kOk && file.size() != welcome.segment_size) {
    *detail = "the segment has another size than the welcome says";
    status = Status::kInvalidHandshake;
  }
  const bool monitor = (options.role & kRoleMonitor) != 0;
  if (status == Status::kOk) {
    // The descriptor is closed when `file` goes: from then on only the mapping holds the byte lock.
    status = Segment::attach(std::move(file),
                             monitor ? Segment::Access::kMonitor : Segment::Access::kWorker,
                             &segment_, detail);
  }
  if (status == Status::kOk && !monitor) {
    if (segment_->has_worker(welcome.worker)) {
      segment_->set_self(welcome.worker);
    } else {
      *detail = "the welcome names a row that does not exist";
      status = Status::kInvalidHandshake;
    }
  }
  if (status != Status::kOk) close();
  return status;
}

bool Session::connected() const { return socket_ >= 0 && !is_closed(socket_); }

void Session::close() {
  segment_.reset();  // first: the server must find the mapping gone when it sees the end
  if (socket_ >= 0) ::close(socket_);
  socket_ = -1;
}

}  // namespace ur
