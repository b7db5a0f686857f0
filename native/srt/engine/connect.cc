// Callers of our own, in file mode: exact bytes, in their order.
#include <netdb.h>
#include <srt/srt.h>

#include "srt/engine/options.h"
#include "srt/engine/shared.h"

namespace ur {

bool SrtEngine::connect(const SrtConnectOptions& options, int* socket, std::string* detail) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_DGRAM;
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const std::string service = std::to_string(options.port);
  const int failure = getaddrinfo(options.address.c_str(), service.c_str(), &hints, &found);
  if (failure != 0) {
    *detail = gai_strerror(failure);
    return false;
  }
  const int made = srt_create_socket();
  const bool begun =
      made != SRT_INVALID_SOCK && set_srt_connect_options(made, options) &&
      srt_connect(made, found->ai_addr, static_cast<int>(found->ai_addrlen)) != SRT_ERROR;
  freeaddrinfo(found);
  if (!begun) {
    *detail = srt_getlasterror_str();
    if (made != SRT_INVALID_SOCK) srt_close(made);
    return false;
  }
  add(made, true);
  *socket = made;
  return true;
}

SrtConnection SrtEngine::connection(int socket, int* reject) {
  *reject = 0;
  if (find(socket) == nullptr) return SrtConnection::kRefused;
  switch (srt_getsockstate(socket)) {
    case SRTS_CONNECTED: return SrtConnection::kConnected;
    case SRTS_OPENED:
    case SRTS_CONNECTING: return SrtConnection::kConnecting;
    default: break;
  }
  *reject = srt_getrejectreason(socket);
  return SrtConnection::kRefused;
}

}  // namespace ur
