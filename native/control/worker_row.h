// Filling a worker's row when it is let in. Arbiter only.
#pragma once

#include <string>

#include "core/segment.h"

namespace ur {

void fill_row(WorkerRow* row, uint32_t pid, uint32_t role, uint32_t observer, uint32_t capacity,
              const std::string& name);

}  // namespace ur
