// Plain RTMP sockets and the one thread that reads them: each socket's bytes go to its receiver, and what
// the owner sends goes out. Everything here but the thread's own part is called on one thread, the owner's,
// and never waits for the other one. Linux only (epoll).
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "rtmp/receiver.h"

namespace ur {

class RtmpEngine {
 public:
  RtmpEngine() = default;
  ~RtmpEngine() { close(); }
  RtmpEngine(const RtmpEngine&) = delete;
  RtmpEngine& operator=(const RtmpEngine&) = delete;

  // `notify` is called on the engine's thread when a socket's receiver has a notice for the owner.
  // False: `detail` says why.
  [[nodiscard]] bool start(std::function<void()> notify, std::string* detail);
  // Reads a connected socket through a descriptor of its own, so that the caller's may be closed at any
  // time. Its number, or 0: the process has no descriptor left, or the engine is closed.
  [[nodiscard]] uint32_t adopt(int fd, std::shared_ptr<RtmpReceiver> receiver);
  // Sockets whose receivers have notices; each once.
  std::vector<uint32_t> take_ready();
  // The receiver may go on.
  void go_on(uint32_t socket);
  // Sends it when there is room. A client that leaves kMaxUnsent bytes unread is cut off.
  void send(uint32_t socket, std::vector<uint8_t> bytes);
  // Sends what is left, then the end. What still comes is dropped; the receiver says when the client ends.
  void end(uint32_t socket);
  // Forgets the socket at once. The connection ends when the caller's descriptor is closed too.
  void close_socket(uint32_t socket);
  // Ends the thread and closes every descriptor. Idempotent.
  void close();

  static constexpr size_t kMaxUnsent = size_t{1} << 20;

 private:
  struct Socket {
    int fd = -1;
    std::shared_ptr<RtmpReceiver> receiver;
    std::vector<uint8_t> unsent;
    uint32_t armed = 0;  // epoll's events; 0: it is not in the set
    bool over = false;   // nothing comes any more
    bool ending = false;
  };
  struct Order {
    enum class Kind : uint8_t { kAdopt, kGoOn, kSend, kEnd, kClose };
    Kind kind = Kind::kGoOn;
    uint32_t socket = 0;
    int fd = -1;
    std::shared_ptr<RtmpReceiver> receiver;
    std::vector<uint8_t> bytes;
  };

  void give(Order order);
  void wake();
  void run();
  void obey();
  void obey_one(Order& order);
  void serve(uint32_t number, Socket& socket, uint32_t events);
  void read(uint32_t number, Socket& socket);
  void write(uint32_t number, Socket& socket);
  void lose(uint32_t number, Socket& socket, bool broken);
  void arm(uint32_t number, Socket& socket);
  void tell(uint32_t number);

  std::function<void()> notify_;
  int epoll_ = -1;
  int wake_ = -1;  // an eventfd
  bool started_ = false;
  uint32_t newest_ = 0;
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;
  std::vector<Order> orders_;
  std::vector<uint32_t> ready_;
  // The thread's own.
  std::unordered_map<uint32_t, Socket> sockets_;
  std::unique_ptr<uint8_t[]> buffer_;
  std::thread thread_;
};

}  // namespace ur
