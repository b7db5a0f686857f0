// What every function of upload_response.h begins with: no exception crosses it, and the detail of its
// error is this thread's. Any thread.
#pragma once

#include <new>
#include <string>

#include "core/status.gen.h"

namespace ur::capi {

void clear_detail();
// Keeps what fits, for ur_error_detail.
void set_detail(const std::string& text);

inline int code(Status status) { return static_cast<int>(status); }

template <typename Result = int, typename Body>
Result entry(Body body) noexcept {
  clear_detail();
  try {
    return body();
  } catch (const std::bad_alloc&) {
    return static_cast<Result>(code(Status::kOutOfMemory));
  } catch (...) {
    return static_cast<Result>(code(Status::kSystem));
  }
}

// The same for what has no result, and leaves the detail as it is.
template <typename Body>
void ending(Body body) noexcept {
  try {
    body();
  } catch (...) {
    // What could not be given back is found by the server when the process detaches.
  }
}

}  // namespace ur::capi
