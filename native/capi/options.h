// ur_worker_options as they were given, checked. Any thread that does not change the environment.
#pragma once

#include <cstdint>

#include "attachment.h"
#include "upload_response.h"

namespace ur::capi {

inline constexpr uint32_t kMaxCapacity = 65536;  // streams of a segment

// 0, or the error; its detail is set.
int read_options(const ur_worker_options& given, Options* out);

}  // namespace ur::capi
