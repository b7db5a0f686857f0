#include "rtmp/engine/engine.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace ur {
namespace {

// Small enough for the second-level cache, large enough that the call costs little beside the copy.
constexpr size_t kReadBytes = 128 * 1024;
// Reads in a row of one socket while others may wait.
constexpr int kReadsInARow = 4;
constexpr int kEventsAtOnce = 64;
// No socket has it.
constexpr uint32_t kWakeNumber = 0;

}  // namespace

bool RtmpEngine::start(std::function<void()> notify, std::string* detail) {
  epoll_ = epoll_create1(EPOLL_CLOEXEC);
  wake_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u32 = kWakeNumber;
  if (epoll_ < 0 || wake_ < 0 || epoll_ctl(epoll_, EPOLL_CTL_ADD, wake_, &event) != 0) {
    *detail = std::strerror(errno);
    if (epoll_ >= 0) ::close(epoll_);
    if (wake_ >= 0) ::close(wake_);
    return false;
  }
  buffer_ = std::make_unique_for_overwrite<uint8_t[]>(kReadBytes);
  notify_ = std::move(notify);
  started_ = true;
  thread_ = std::thread([this] { run(); });
  return true;
}

uint32_t RtmpEngine::adopt(int fd, std::shared_ptr<RtmpReceiver> receiver) {
  if (!started_) return 0;
  const int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (own < 0) return 0;
  if (++newest_ == kWakeNumber) ++newest_;
  give({Order::Kind::kAdopt, newest_, own, std::move(receiver), {}});
  return newest_;
}

std::vector<uint32_t> RtmpEngine::take_ready() {
  std::vector<uint32_t> taken;
  {
    const std::lock_guard lock(mutex_);
    taken.swap(ready_);
  }
  std::sort(taken.begin(), taken.end());
  taken.erase(std::unique(taken.begin(), taken.end()), taken.end());
  return taken;
}

void RtmpEngine::go_on(uint32_t socket) {
  give({Order::Kind::kGoOn, socket, -1, nullptr, {}});
}

void RtmpEngine::send(uint32_t socket, std::vector<uint8_t> bytes) {
  give({Order::Kind::kSend, socket, -1, nullptr, std::move(bytes)});
}

void RtmpEngine::end(uint32_t socket) {
  give({Order::Kind::kEnd, socket, -1, nullptr, {}});
}

void RtmpEngine::close_socket(uint32_t socket) {
  give({Order::Kind::kClose, socket, -1, nullptr, {}});
}

void RtmpEngine::give(Order order) {
  if (!started_) {
    if (order.fd >= 0) ::close(order.fd);
    return;
  }
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    first = orders_.empty();
    orders_.push_back(std::move(order));
  }
  // The thread takes all orders that are there when it wakes.
  if (first) wake();
}

void RtmpEngine::wake() {
  const uint64_t one = 1;
  // It cannot fail: the counter is far from full.
  (void)!::write(wake_, &one, sizeof(one));
}

void RtmpEngine::run() {
  std::array<epoll_event, kEventsAtOnce> events;
  while (!stopping_.load(std::memory_order_acquire)) {
    const int count = epoll_wait(epoll_, events.data(), kEventsAtOnce, -1);
    for (int i = 0; i < count; i++) {
      const epoll_event& event = events[static_cast<size_t>(i)];
      const uint32_t number = event.data.u32;
      if (number == kWakeNumber) {
        uint64_t wakes = 0;
        (void)!::read(wake_, &wakes, sizeof(wakes));
        continue;
      }
      const auto found = sockets_.find(number);
      if (found != sockets_.end()) serve(number, found->second, event.events);
    }
    obey();
  }
}

void RtmpEngine::obey() {
  std::vector<Order> orders;
  {
    const std::lock_guard lock(mutex_);
    orders.swap(orders_);
  }
  for (Order& order : orders) obey_one(order);
}

void RtmpEngine::obey_one(Order& order) {
  if (order.kind == Order::Kind::kAdopt) {
    Socket& added = sockets_[order.socket];
    added.fd = order.fd;
    added.receiver = std::move(order.receiver);
    arm(order.socket, added);
    return;
  }
  const auto found = sockets_.find(order.socket);
  if (found == sockets_.end()) return;
  Socket& socket = found->second;
  switch (order.kind) {
    case Order::Kind::kGoOn:
      socket.receiver->push(nullptr, 0);
      tell(order.socket);
      break;
    case Order::Kind::kSend:
      socket.unsent.insert(socket.unsent.end(), order.bytes.begin(), order.bytes.end());
      write(order.socket, socket);
      break;
    case Order::Kind::kEnd:
      socket.ending = true;
      write(order.socket, socket);
      break;
    default:
      // The set would keep what the caller's descriptor keeps open.
      if (socket.armed != 0) epoll_ctl(epoll_, EPOLL_CTL_DEL, socket.fd, nullptr);
      ::close(socket.fd);
      sockets_.erase(found);
      return;
  }
  arm(order.socket, socket);
}

void RtmpEngine::serve(uint32_t number, Socket& socket, uint32_t events) {
  if ((events & EPOLLOUT) != 0) write(number, socket);
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) read(number, socket);
  arm(number, socket);
}

void RtmpEngine::read(uint32_t number, Socket& socket) {
  for (int i = 0; i < kReadsInARow && !socket.over; i++) {
    const ssize_t count = ::recv(socket.fd, buffer_.get(), kReadBytes, MSG_DONTWAIT);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) break;
    if (count <= 0) {
      lose(number, socket, false);
      return;
    }
    if (!socket.receiver->push(buffer_.get(), static_cast<size_t>(count))) break;
    if (static_cast<size_t>(count) < kReadBytes) break;
  }
  tell(number);
}

void RtmpEngine::write(uint32_t number, Socket& socket) {
  size_t sent = 0;
  while (sent < socket.unsent.size()) {
    const ssize_t count = ::send(socket.fd, socket.unsent.data() + sent,
                                 socket.unsent.size() - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count <= 0) {
      if (count < 0 && errno == EINTR) continue;
      // A connection that is gone is found by reading, after all that it has sent.
      if (count < 0 && errno != EAGAIN) sent = socket.unsent.size();
      break;
    }
    sent += static_cast<size_t>(count);
  }
  socket.unsent.erase(socket.unsent.begin(),
                      socket.unsent.begin() + static_cast<ptrdiff_t>(sent));
  if (socket.unsent.size() > kMaxUnsent) lose(number, socket, true);
  if (socket.ending && socket.unsent.empty()) ::shutdown(socket.fd, SHUT_WR);
}

void RtmpEngine::lose(uint32_t number, Socket& socket, bool broken) {
  socket.over = true;
  socket.unsent.clear();
  socket.receiver->end_of_input(broken);
  tell(number);
}

// Waits for what it can do something with, and for nothing else: a broken socket in the set would wake the
// thread for ever.
void RtmpEngine::arm(uint32_t number, Socket& socket) {
  uint32_t wanted = 0;
  if (!socket.over && socket.receiver->wants_more()) wanted |= EPOLLIN;
  if (!socket.unsent.empty()) wanted |= EPOLLOUT;
  if (wanted == socket.armed) return;
  epoll_event event{};
  event.events = wanted;
  event.data.u32 = number;
  const int operation = wanted == 0         ? EPOLL_CTL_DEL
                        : socket.armed == 0 ? EPOLL_CTL_ADD
                                            : EPOLL_CTL_MOD;
  socket.armed = wanted;
  if (epoll_ctl(epoll_, operation, socket.fd, &event) != 0 && wanted != 0) {
    socket.armed = 0;
    lose(number, socket, true);
  }
}

void RtmpEngine::tell(uint32_t number) {
  const auto found = sockets_.find(number);
  if (found == sockets_.end() || !found->second.receiver->has_notice()) return;
  {
    const std::lock_guard lock(mutex_);
    ready_.push_back(number);
  }
  notify_();
}

void RtmpEngine::close() {
  if (!started_) return;
  stopping_.store(true, std::memory_order_release);
  wake();
  thread_.join();
  started_ = false;
  for (Order& order : orders_) {
    if (order.fd >= 0) ::close(order.fd);
  }
  orders_.clear();
  for (auto& [number, socket] : sockets_) ::close(socket.fd);
  sockets_.clear();
  ::close(epoll_);
  ::close(wake_);
}

}  // namespace ur
