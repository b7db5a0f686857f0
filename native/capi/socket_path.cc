// The same as defaultSocketPath of src/ring/socket-path.ts: server and worker must mean one place.
#include "socket_path.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "entry.h"
#include "upload_response.h"

namespace ur::capi {
namespace {

std::string value_of(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string temporary_folder() {
  for (const char* name : {"TMPDIR", "TMP", "TEMP"}) {
    std::string folder = value_of(name);
    if (folder.empty()) continue;
    if (folder.back() == '/') folder.pop_back();
    return folder;
  }
  return "/tmp";
}

}  // namespace

std::string default_socket() {
  std::string path = value_of("UR_SOCKET");
  if (!path.empty()) return path;
  path = value_of("XDG_RUNTIME_DIR");
  if (!path.empty() && path.front() == '/') {
    if (path.back() == '/') path.pop_back();
    return path + "/upload-response/default.sock";
  }
  return temporary_folder() + "/upload-response-" + std::to_string(getuid()) + "/default.sock";
}

}  // namespace ur::capi

extern "C" size_t ur_default_socket(char* path, size_t capacity) {
  return ur::capi::entry<size_t>([&] {
    const std::string found = ur::capi::default_socket();
    if (path != nullptr && capacity > 0) {
      const size_t length = std::min(found.size(), capacity - 1);
      std::memcpy(path, found.data(), length);
      path[length] = '\0';
    }
    return found.size();
  });
}
