// Listeners, and who is let in.
#include <netdb.h>
#include <srt/srt.h>

#include "srt/engine/hooks.h"
#include "srt/engine/options.h"
#include "srt/engine/shared.h"

namespace ur {
namespace {

constexpr int kBacklog = 128;

}  // namespace

bool SrtEngine::listen(const SrtListenOptions& options, uint16_t* port, std::string* detail) {
  const int socket = srt_create_socket();
  if (socket == SRT_INVALID_SOCK) return last_srt_error(detail);
  const uintptr_t hook = add_srt_hook(std::make_shared<const SrtHook>(SrtHook{shared_, options}));
  if (bind_and_listen(socket, options, hook, port, detail)) {
    {
      const std::lock_guard lock(mutex_);
      listening_.push_back(socket);
    }
    const int wanted = SRT_EPOLL_IN | SRT_EPOLL_ERR;
    if (srt_epoll_add_usock(epoll_, socket, &wanted) != SRT_ERROR) {
      listeners_.push_back({socket, hook});
      return true;
    }
    last_srt_error(detail);
  }
  srt_close(socket);
  remove_srt_hook(hook);
  return false;
}

bool SrtEngine::bind_and_listen(int socket, const SrtListenOptions& options, uintptr_t hook,
                                uint16_t* port, std::string* detail) {
  if (!set_srt_listener_options(socket, options)) return last_srt_error(detail);
  addrinfo hints{};
  hints.ai_socktype = SOCK_DGRAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const std::string service = std::to_string(options.port);
  const int failure = getaddrinfo(options.host.c_str(), service.c_str(), &hints, &found);
  if (failure != 0) {
    *detail = gai_strerror(failure);
    return false;
  }
  // libsrt wants to be told whether `::` is IPv6 alone.
  const int only_v6 = 1;
  bool bound = found->ai_family != AF_INET6 ||
               srt_setsockflag(socket, SRTO_IPV6ONLY, &only_v6, sizeof(only_v6)) != SRT_ERROR;
  bound = bound &&
          srt_bind(socket, found->ai_addr, static_cast<int>(found->ai_addrlen)) != SRT_ERROR;
  freeaddrinfo(found);
  if (!bound) return last_srt_error(detail);
  const auto judge = [](void* opaque, SRTSOCKET caller, int version, const sockaddr* peer,
                        const char* id) { return on_caller(opaque, caller, version, peer, id); };
  // The hook first: a listener without it lets everybody in.
  if (srt_listen_callback(socket, judge, reinterpret_cast<void*>(hook)) == SRT_ERROR ||
      srt_listen(socket, kBacklog) == SRT_ERROR) {
    return last_srt_error(detail);
  }
  sockaddr_storage name{};
  int length = sizeof(name);
  if (srt_getsockname(socket, reinterpret_cast<sockaddr*>(&name), &length) == SRT_ERROR) {
    return last_srt_error(detail);
  }
  *port = srt_port_of(name);
  return true;
}

// On libsrt's receiver thread: every socket of the port waits meanwhile.
int SrtEngine::on_caller(void* opaque, int socket, int /*version*/, const void* /*peer*/,
                         const char* id) {
  const auto hook = find_srt_hook(reinterpret_cast<uintptr_t>(opaque));
  if (!hook) return -1;
  Shared& shared = *hook->shared;
  SrtVerdict verdict = shared.credentials.judge(id == nullptr ? "" : id);
  if (shared.down.load(std::memory_order_relaxed)) verdict.reject = SrtReject::kDown;
  if (verdict.reject == SrtReject::kNone &&
      shared.open.load(std::memory_order_relaxed) >= hook->options.max_connections) {
    verdict.reject = SrtReject::kOverload;
  }
  const SrtType type = verdict.id.type;
  const bool file = type == SrtType::kFile || (type == SrtType::kUnsaid && hook->options.file);
  if (verdict.reject == SrtReject::kNone &&
      set_srt_caller_options(socket, hook->options, file, verdict.passphrase)) {
    return 0;
  }
  if (verdict.reject == SrtReject::kNone) verdict.reject = SrtReject::kBadRequest;
  shared.count(verdict.reject);
  srt_setrejectreason(socket, static_cast<int>(verdict.reject));
  return -1;
}

}  // namespace ur
