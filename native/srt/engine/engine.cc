#include "srt/engine/engine.h"

#include <arpa/inet.h>
#include <srt/srt.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <unordered_set>
#include <utility>

#include "core/clock.h"
#include "srt/engine/hooks.h"
#include "srt/engine/shared.h"

namespace ur {
namespace {

// How long the thread sleeps before it looks whether it has to leave.
constexpr int64_t kWaitMs = 100;
// The same while something that was received is kept.
constexpr int64_t kSettleMs = 2;
// Where something comes that soon after all had been taken, packets are let gather: each one alone would
// cost a wake of this thread and of a worker.
constexpr uint64_t kBusyNs = 500'000;
constexpr std::chrono::microseconds kGather{500};

std::string address_of(const sockaddr_storage& peer) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const void* address = &reinterpret_cast<const sockaddr_in*>(&peer)->sin_addr;
  if (peer.ss_family == AF_INET6) {
    address = &reinterpret_cast<const sockaddr_in6*>(&peer)->sin6_addr;
  }
  const char* const given = inet_ntop(peer.ss_family, address, text.data(), text.size());
  return given == nullptr ? std::string{} : std::string{given};
}

std::string stream_id_of(int socket) {
  std::array<char, kMaxStreamId + 1> text{};
  int length = static_cast<int>(text.size());
  if (srt_getsockflag(socket, SRTO_STREAMID, text.data(), &length) == SRT_ERROR) return {};
  return {text.data(), static_cast<size_t>(length)};
}

bool is_file(int socket) {
  bool messages = true;
  int length = sizeof(messages);
  return srt_getsockflag(socket, SRTO_MESSAGEAPI, &messages, &length) != SRT_ERROR && !messages;
}

struct Running {
  std::mutex mutex;
  std::unordered_set<SrtEngine*> engines;
};

// Never freed, as the hooks.
Running& running() {
  static auto* const one = new Running;
  return *one;
}

void enter_running(SrtEngine* engine) {
  const std::lock_guard lock(running().mutex);
  running().engines.insert(engine);
}

void leave_running(SrtEngine* engine) {
  const std::lock_guard lock(running().mutex);
  running().engines.erase(engine);
}

SrtEngine* any_running() {
  const std::lock_guard lock(running().mutex);
  const auto& engines = running().engines;
  return engines.empty() ? nullptr : *engines.begin();
}

// Where exit() is called while engines run. libsrt's own destructors would end its threads in an order in
// which a handshake that is under way waits for them for ever, and they for it.
void close_running() {
  while (SrtEngine* const engine = any_running()) engine->close();
}

}  // namespace

SrtEngine::SrtEngine() : shared_(std::make_shared<Shared>()) {}

SrtEngine::~SrtEngine() { close(); }

bool SrtEngine::start(std::function<void()> notify, std::string* detail) {
  if (srt_startup() < 0) return last_srt_error(detail);
  // After libsrt has begun: what is registered last runs first.
  static const int registered = std::atexit(close_running);
  (void)registered;
  // Its lines would stand among ours; what matters comes as a result.
  srt_setloglevel(LOG_CRIT);
  epoll_ = srt_epoll_create();
  if (epoll_ < 0) {
    last_srt_error(detail);
    srt_cleanup();
    return false;
  }
  srt_epoll_set(epoll_, SRT_EPOLL_ENABLE_EMPTY);
  events_.notify_by(std::move(notify));
  started_ = true;
  enter_running(this);
  thread_ = std::thread([this] { run(); });
  return true;
}

void SrtEngine::set_credentials(SrtCredentials credentials) {
  shared_->credentials.replace(std::move(credentials));
}

void SrtEngine::refuse_new() { shared_->down.store(true, std::memory_order_relaxed); }

std::vector<std::pair<int, uint64_t>> SrtEngine::take_refused() {
  const std::lock_guard lock(shared_->mutex);
  std::vector<std::pair<int, uint64_t>> taken(shared_->refused.begin(), shared_->refused.end());
  shared_->refused.clear();
  return taken;
}

void SrtEngine::run() {
  std::vector<SRT_EPOLL_EVENT> ready;
  uint64_t emptied_ns = 0;
  while (!stopping_.load(std::memory_order_acquire)) {
    {
      // Room for all: those behind the last one would wait for as long as the others have something.
      const std::lock_guard lock(mutex_);
      ready.resize(listening_.size() + callers_.size() + 1);
    }
    const int room = static_cast<int>(ready.size());
    // It says one more than there is room for where there are more.
    const int64_t wait_ms = waiting_.empty() ? kWaitMs : kSettleMs;
    const int count = std::min(srt_epoll_uwait(epoll_, ready.data(), room, wait_ms), room);
    settle();
    if (count <= 0) continue;
    if (monotonic_ns() - emptied_ns < kBusyNs) std::this_thread::sleep_for(kGather);
    bool emptied = true;
    for (int i = 0; i < count; ++i) {
      const SRT_EPOLL_EVENT& one = ready[static_cast<size_t>(i)];
      emptied = serve(one.fd, one.events) && emptied;
    }
    emptied_ns = emptied ? monotonic_ns() : 0;
  }
}

// True: everything that had come for a lane was taken.
bool SrtEngine::serve(int socket, int told) {
  if (auto caller = find(socket)) {
    const bool emptied = caller->serve(told);
    if (caller->settle()) waiting_.push_back(std::move(caller));
    return emptied;
  }
  bool listens = false;
  {
    const std::lock_guard lock(mutex_);
    for (const int one : listening_) listens = listens || one == socket;
  }
  if (listens) accept_all(socket);
  return false;
}

void SrtEngine::settle() {
  std::erase_if(waiting_, [](const auto& caller) { return !caller->settle(); });
}

void SrtEngine::accept_all(int listener) {
  for (;;) {
    sockaddr_storage peer{};
    int length = sizeof(peer);
    const int socket = srt_accept(listener, reinterpret_cast<sockaddr*>(&peer), &length);
    if (socket == SRT_INVALID_SOCK) return;
    const bool file = is_file(socket);
    add(socket, file);
    SrtEvent event{SrtEvent::Kind::kConnected, socket};
    event.file = file;
    event.peer = address_of(peer);
    event.peer_port = srt_port_of(peer);
    event.stream_id = stream_id_of(socket);
    events_.push(std::move(event));
  }
}

void SrtEngine::add(int socket, bool file) {
  shared_->open.fetch_add(1, std::memory_order_relaxed);
  auto caller = std::make_shared<SrtCaller>(epoll_, socket, file, &events_);
  const std::lock_guard lock(mutex_);
  callers_.emplace(socket, std::move(caller));
}

std::shared_ptr<SrtCaller> SrtEngine::find(int socket) {
  const std::lock_guard lock(mutex_);
  const auto found = callers_.find(socket);
  return found == callers_.end() ? nullptr : found->second;
}

void SrtEngine::close_socket(int socket) {
  std::shared_ptr<SrtCaller> caller;
  {
    const std::lock_guard lock(mutex_);
    const auto found = callers_.find(socket);
    if (found == callers_.end()) return;
    caller = std::move(found->second);
    callers_.erase(found);
  }
  shared_->open.fetch_sub(1, std::memory_order_relaxed);
  caller->close();
}

void SrtEngine::close() {
  if (!started_) return;
  started_ = false;
  leave_running(this);
  stopping_.store(true, std::memory_order_release);
  thread_.join();
  for (const Listener& listener : listeners_) {
    srt_close(listener.socket);
    remove_srt_hook(listener.hook);
  }
  listeners_.clear();
  // The thread has left: nobody else changes it.
  while (!callers_.empty()) close_socket(callers_.begin()->first);
  srt_epoll_release(epoll_);
  // Not left to the process's end: libsrt's threads must not meet destructors of static objects.
  srt_cleanup();
}

}  // namespace ur
