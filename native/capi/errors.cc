#include <algorithm>
#include <cstring>

#include "core/layout.h"
#include "entry.h"
#include "upload_response.h"

namespace ur::capi {
namespace {

// Without a destructor, so that a thread may outlive the library.
thread_local char detail[256];

}  // namespace

void clear_detail() { detail[0] = '\0'; }

void set_detail(const std::string& text) {
  const size_t length = std::min(text.size(), sizeof detail - 1);
  std::memcpy(detail, text.data(), length);
  detail[length] = '\0';
}

}  // namespace ur::capi

extern "C" {

int ur_abi_version(void) { return UR_ABI_VERSION; }
const char* ur_version(void) { return UR_VERSION; }

const char* ur_strerror(int error) {
  const char* text = ur::status_text(static_cast<ur::Status>(error));
  return *text == '\0' ? "an unknown error" : text;
}
const char* ur_error_name(int error) { return ur::status_name(static_cast<ur::Status>(error)); }
const char* ur_error_remedy(int error) { return ur::status_remedy(static_cast<ur::Status>(error)); }
const char* ur_error_detail(void) { return ur::capi::detail; }

}  // extern "C"
