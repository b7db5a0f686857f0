#include "session.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/clock.h"
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
    // A worker's descriptor is closed when `file` goes: from then on only the mapping holds the byte
    // lock. An ingress keeps it, to look at the locks of others should it become the arbiter.
    const Segment::Access access = monitor                              ? Segment::Access::kMonitor
                                   : (options.role & kRoleIngress) != 0 ? Segment::Access::kIngress
                                                                        : Segment::Access::kWorker;
    status = Segment::attach(std::move(file), access, &segment_, detail);
  }
  if (status == Status::kOk && !monitor) {
    if (segment_->has_worker(welcome.worker)) {
      segment_->set_self(welcome.worker);
    } else {
      *detail = "the welcome names a row that does not exist";
      status = Status::kInvalidHandshake;
    }
  }
  if (status != Status::kOk) {
    close();
    return status;
  }
  const std::lock_guard<std::mutex> guard(mutex_);
  options_ = options;
  resume_hello_ = hello;
  std::memcpy(resume_hello_.boot_uuid, segment_->header().boot_uuid, sizeof hello.boot_uuid);
  resume_hello_.worker = welcome.worker;
  resume_hello_.generation = welcome.generation;
  lost_ = false;
  return status;
}

bool Session::is_open() const { return socket_ >= 0 && !is_closed(socket_); }

bool Session::has_connection() {
  const std::lock_guard<std::mutex> guard(mutex_);
  return is_open();
}

bool Session::connected() {
  const std::lock_guard<std::mutex> guard(mutex_);
  if (is_open()) return true;
  if (lost_ || segment_ == nullptr) return false;
  if (socket_ >= 0) {
    ::close(socket_);
    socket_ = -1;
    deadline_ns_ = monotonic_ns() + kResumeGraceNs;
    resuming_ = true;
  }
  const Status status = segment_->resumable() ? resume() : Status::kServerGone;
  lost_ = status == Status::kServerGone ||
          (status == Status::kEmpty && (!may_come_back() || monotonic_ns() > deadline_ns_));
  if (status == Status::kOk || lost_) resuming_ = false;
  if (lost_) drop_attempt();
  return !lost_;
}

// Some ingress process has not said that it ends. What a dead one's row says is not known to be wrong
// before its arbiter is there, or the time is over.
bool Session::may_come_back() const {
  if (segment_->header().state.load(std::memory_order_acquire) !=
      static_cast<uint32_t>(SegmentState::kReady)) {
    return false;
  }
  for (uint32_t i = 0; i < segment_->geometry().worker_count; i++) {
    const WorkerRow& row = segment_->worker(i);
    if ((row.owner.load(std::memory_order_acquire) & 0xFF) ==
            static_cast<uint64_t>(WorkerState::kAttached) &&
        (row.role.load(std::memory_order_relaxed) & kRoleIngress) != 0) {
      return true;
    }
  }
  return false;
}

Status Session::begin_resume() {
  std::string detail;
  if (connect_unix(options_.socket, &attempt_, &detail, false) != Status::kOk) {
    attempt_ = -1;
    return Status::kEmpty;
  }
  heard_ = 0;
  return send_with_fd(attempt_, &resume_hello_, sizeof resume_hello_, -1);
}

// kEmpty: not yet. kServerGone: never.
Status Session::resume() {
  if (attempt_ < 0) {
    const Status begun = begin_resume();
    if (begun != Status::kOk) {
      drop_attempt();
      return Status::kEmpty;
    }
  }
  const ssize_t count = recv(attempt_, reinterpret_cast<uint8_t*>(&answer_) + heard_,
                             sizeof answer_ - heard_, MSG_DONTWAIT);
  if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) {
    return Status::kEmpty;
  }
  if (count <= 0) {
    drop_attempt();  // that arbiter has gone, too
    return Status::kEmpty;
  }
  heard_ += static_cast<size_t>(count);
  if (heard_ < sizeof answer_) return Status::kEmpty;
  std::string detail;
  const Status status = check_welcome(answer_, &detail);
  if (status == Status::kTimedOut) {
    drop_attempt();
    return Status::kEmpty;
  }
  // A server that knows nothing of going on has attached somebody new.
  if (status != Status::kOk || answer_.worker != resume_hello_.worker ||
      answer_.generation != resume_hello_.generation) {
    return Status::kServerGone;
  }
  socket_ = attempt_;
  attempt_ = -1;
  return Status::kOk;
}

void Session::drop_attempt() {
  if (attempt_ >= 0) ::close(attempt_);
  attempt_ = -1;
}

Status Session::order(uint32_t kind, uint32_t worker) {
  const std::lock_guard<std::mutex> guard(mutex_);
  const Order order = {kind, worker};
  return socket_ < 0 ? Status::kServerGone : send_with_fd(socket_, &order, sizeof order, -1);
}

void Session::hang_up() {
  const std::lock_guard<std::mutex> guard(mutex_);
  drop_attempt();
  if (socket_ >= 0) ::close(socket_);
  socket_ = -1;
  resuming_ = false;
}

void Session::close() {
  if (segment_ != nullptr && segment_->access() == Segment::Access::kIngress &&
      segment_->has_worker(segment_->self())) {
    // Who loses the arbiter now need not wait for this process.
    segment_->worker(segment_->self()).role.store(0, std::memory_order_relaxed);
  }
  segment_.reset();  // first: the server must find the mapping gone when it sees the end
  hang_up();
}

}  // namespace ur
