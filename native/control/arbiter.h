// The server's side of the control socket: lets workers and other ingress processes in, notices their
// death and repairs what they left. One thread of its own; the public members may be called from any
// other thread. Of several ingress processes one has it: who holds the lock of the socket's path.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "core/recovery.h"
#include "core/segment.h"
#include "protocol.h"
#include "unix_socket.h"

namespace ur {

struct ArbiterEvent {
  enum class Kind { kAttached, kDead, kRefused, kResumed, kArbiter };
  Kind kind = Kind::kAttached;
  uint32_t worker = kNoIndex;
  uint32_t pid = 0;
  std::string name;
  bool ingress = false;
  RecoveryReport recovery;       // kDead
  Status status = Status::kOk;   // kRefused
  std::string detail;
};

class Arbiter {
 public:
  Arbiter() = default;
  Arbiter(const Arbiter&) = delete;
  Arbiter& operator=(const Arbiter&) = delete;
  ~Arbiter() { stop(); }

  // Binds the control socket; who connects waits for start(). First, because it may be another
  // server's: kSocketInUse, kInvalidSocketPath.
  [[nodiscard]] Status listen(const std::string& socket, std::string* detail);
  // Takes row 0 for the server itself and lets workers in.
  [[nodiscard]] Status start(Segment* segment, const std::string& name, std::string* detail);
  // The same for a segment whose arbiter has gone, and in which this process has a row already: repairs
  // what the dead left, and waits for the living to come back.
  [[nodiscard]] Status adopt(Segment* segment, std::string* detail);
  // Closes every connection and removes the socket: workers see the server's end, unless another
  // ingress process goes on with the segment. Idempotent.
  void stop();
  // What has happened since the last call; the server's doorbell is rung when there is something.
  std::vector<ArbiterEvent> take_events();
  // SIGKILL by pidfd: never another process that has got the pid meanwhile.
  [[nodiscard]] Status kill(uint32_t worker);

 private:
  struct Connection {
    // kSurvivor: its row has been found alive, and it has not come back yet; it need not.
    enum class State { kHello, kAttached, kMonitor, kDying, kSurvivor };
    int fd = -1;
    State state = State::kHello;
    uint32_t worker = kNoIndex;
    uint32_t pid = 0;
    int pidfd = -1;
    bool locked = false;  // its byte lock proves its mapping
    bool ingress = false;
    std::string orders;  // the beginning of one
    uint64_t deadline_ns = 0;
    size_t received = 0;
    Hello hello = {};
    std::string name;
    bool gone = false;  // to be dropped after this round
  };

  static constexpr int kDeafMs = 100;

  [[nodiscard]] Status start_thread(Segment* segment, std::string* detail);
  void find_rows();
  bool others_serve();
  void run();
  int round_timeout_ms() const;
  void accept_all();
  void read_hello(Connection* connection);
  void answer(Connection* connection);
  [[nodiscard]] Status admit(Connection* connection, Welcome* welcome, MemoryFile* file,
                             std::string* detail);
  [[nodiscard]] Status take_row(Connection* connection, uint32_t observer, MemoryFile* file);
  [[nodiscard]] Status check_peer(Connection* connection, std::string* detail);
  [[nodiscard]] Status resume(Connection* connection, Welcome* welcome, std::string* detail);
  void refuse(Connection* connection, Status status, const std::string& detail);
  void watch(Connection* connection);
  void take_orders(Connection* connection, const char* bytes, size_t length);
  [[nodiscard]] Status kill_known(uint32_t worker);
  void check_death(Connection* connection);
  void check_all_locks();
  void drop(Connection* connection);
  void report(ArbiterEvent event);

  Segment* segment_ = nullptr;
  UnixListener listener_;
  uint64_t deaf_until_ns_ = 0;  // no descriptor is left for those who wait to be accepted
  int wake_[2] = {-1, -1};
  uint64_t next_check_ns_ = 0;
  uint64_t adopted_ns_ = 0;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
  std::mutex mutex_;  // connections_ and events_
  std::vector<Connection> connections_;
  std::vector<ArbiterEvent> events_;
};

}  // namespace ur
