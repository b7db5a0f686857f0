// Who may connect by SRT, and with which passphrase: what a listener asks while a handshake waits. The
// JS thread replaces it, libsrt's receiver thread reads it. Pure, no libsrt.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "srt/stream_id.h"

namespace ur {

// Codes of libsrt's access_control.h, which callers get.
enum class SrtReject : int {
  kNone = 0,
  kBadRequest = 1400,
  kUnauthorized = 1401,
  kOverload = 1402,
  kForbidden = 1403,
  kBadMode = 1405,
  kDown = 1503,
};

struct SrtUser {
  std::string name;
  // Secret; empty: the listeners' own.
  std::string passphrase;
  // Resources that it may publish; a pattern that ends in `*` stands for all that begin so. Empty: all.
  std::vector<std::string> resources;
};

struct SrtCredentials {
  // Secret, for whoever has none of its own; empty: not encrypted.
  std::string passphrase;
  // Empty: whoever knows the passphrase.
  std::vector<SrtUser> users;
};

// What becomes of a caller.
struct SrtVerdict {
  SrtReject reject = SrtReject::kNone;
  std::string passphrase;
  StreamId id;
};

class SrtCredentialTable {
 public:
  void replace(SrtCredentials credentials);
  [[nodiscard]] SrtVerdict judge(std::string_view stream_id) const;

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const SrtCredentials> current_ = std::make_shared<SrtCredentials>();
};

}  // namespace ur
