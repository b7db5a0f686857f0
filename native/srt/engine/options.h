// Options of libsrt sockets. False: libsrt refused one; srt_getlasterror_str says why.
#pragma once

#include <string>

#include "srt/engine/engine.h"

namespace ur {

// Before the listener is bound.
[[nodiscard]] bool set_srt_listener_options(int socket, const SrtListenOptions& options);
// Of a caller of our own, before it connects.
[[nodiscard]] bool set_srt_connect_options(int socket, const SrtConnectOptions& options);
// Of a caller, while its handshake waits.
[[nodiscard]] bool set_srt_caller_options(int socket, const SrtListenOptions& options, bool file,
                                          const std::string& passphrase);

}  // namespace ur
