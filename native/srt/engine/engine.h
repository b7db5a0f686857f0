// SRT listeners, their callers, and the thread that waits for all of them: it accepts, tells the owner what
// was armed, and puts what callers send into the lanes that were lent. Everything here but the thread's own
// part is called on one thread, the owner's, and waits for the other one at most while that takes the
// bytes of one slot.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "srt/credentials.h"
#include "srt/engine/caller.h"
#include "srt/engine/events.h"

namespace ur {

struct SrtListenOptions {
  std::string host;
  uint16_t port = 0;
  // What callers are whose stream id does not say it: the stream API and no packet times.
  bool file = false;
  int latency_ms = 120;
  // No packet times, nothing dropped, large windows: for uploads in live mode.
  bool high_throughput = false;
  int receive_buffer_bytes = 0;
  int udp_buffer_bytes = 0;
  int idle_timeout_ms = 5000;
  int max_connections = 1000;
};

struct SrtConnectOptions {
  std::string address;  // numeric
  uint16_t port = 0;
  std::string stream_id;
  std::string passphrase;  // empty: not encrypted
  int key_bytes = 0;       // 16, 24, 32; 0: as the other side has it
  int timeout_ms = 10'000;
};

enum class SrtConnection : uint8_t { kConnecting, kConnected, kRefused };

// Counts of one connection since its start, in packets.
struct SrtCounts {
  int64_t received = 0;
  int64_t lost = 0;
  int64_t dropped = 0;
  int64_t undecrypted = 0;
  int64_t retransmitted = 0;
  double rtt_ms = 0;
};

class SrtEngine {
 public:
  SrtEngine();
  ~SrtEngine();
  SrtEngine(const SrtEngine&) = delete;
  SrtEngine& operator=(const SrtEngine&) = delete;

  // `notify` is called, on the engine's thread or the owner's, when events wait for `take_events`.
  [[nodiscard]] bool start(std::function<void()> notify, std::string* detail);
  // Binds one more port; `port` says which. False: `detail` says why, and nothing is bound.
  [[nodiscard]] bool listen(const SrtListenOptions& options, uint16_t* port, std::string* detail);
  // Begins to connect, in file mode; what is armed for writing is told when that is decided. False:
  // `detail` says why.
  [[nodiscard]] bool connect(const SrtConnectOptions& options, int* socket, std::string* detail);
  // `reject`: of kRefused, libsrt's reason; 0 where the connection was there once.
  SrtConnection connection(int socket, int* reject);
  void set_credentials(SrtCredentials credentials);
  // New callers are told that the service is down.
  void refuse_new();
  // Callers that were refused, by the codes of SrtReject, since the last call.
  std::vector<std::pair<int, uint64_t>> take_refused();
  std::vector<SrtEvent> take_events() { return events_.take(); }

  // As those of SrtCaller. Nothing happens, or the connection is gone, where there is no such socket.
  void arm(int socket, bool readable, bool writable);
  void lend(int socket, std::shared_ptr<LaneFeed> feed, uint64_t length);
  void go_on(int socket);
  [[nodiscard]] SrtRead read(int socket, uint8_t* data, size_t capacity, size_t* length);
  [[nodiscard]] bool write(int socket, const uint8_t* data, size_t size, size_t* taken);
  // False: it is gone.
  [[nodiscard]] bool counts(int socket, SrtCounts* counts);
  // Nothing: it sends no messages, or is gone.
  [[nodiscard]] std::optional<TsFacts> media(int socket);
  // Bytes that the peer has not acknowledged; -1: it is gone.
  [[nodiscard]] int64_t unsent(int socket);
  // How long the peer keeps what it has before it reads it.
  [[nodiscard]] int peer_latency_ms(int socket);
  // Drops what is not sent: libsrt sends nothing again for a socket that is being closed. Events that were
  // not taken may still name it.
  void close_socket(int socket);
  // Ends everything; blocks until the thread and libsrt's own have left. Idempotent. Called by exit() for
  // those that run: only the thread that calls exit() may own one then.
  void close();

  // Of libsrt's threads too.
  struct Shared;

 private:
  struct Listener {
    int socket;
    uintptr_t hook;
  };
  static int on_caller(void* opaque, int socket, int version, const void* peer, const char* id);
  void run();
  bool serve(int socket, int told);
  void settle();
  void accept_all(int listener);
  std::shared_ptr<SrtCaller> find(int socket);
  void add(int socket, bool file);
  bool bind_and_listen(int socket, const SrtListenOptions& options, uintptr_t hook, uint16_t* port,
                       std::string* detail);

  std::shared_ptr<Shared> shared_;
  std::vector<Listener> listeners_;
  int epoll_ = -1;
  bool started_ = false;
  std::atomic<bool> stopping_{false};
  SrtEvents events_;
  std::mutex mutex_;
  std::vector<int> listening_;
  std::unordered_map<int, std::shared_ptr<SrtCaller>> callers_;  // those of our own too
  // The thread's own: those which keep something that is due soon.
  std::vector<std::shared_ptr<SrtCaller>> waiting_;
  std::thread thread_;
};

// Largest message in live mode: 1500 less the headers of IPv4, UDP and SRT.
inline constexpr size_t kMaxSrtMessage = 1456;

}  // namespace ur
