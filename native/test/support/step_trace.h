// Traces a process through one operation on a segment, instruction by instruction.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "core/segment.h"

namespace ur::test {

// Every state that the operation leaves the segment in, the one before it first: all that a SIGKILL or a
// SIGSTOP can leave behind.
using States = std::vector<std::vector<uint8_t>>;

// Forks `victim`, which stops itself with SIGSTOP before its operation and after it. `begin` runs at the
// first stop, `each` after every instruction. The child is killed in the end; the test fails when it
// ends by itself.
States trace_states(const Segment& segment, const std::function<int()>& victim,
                    const std::function<void()>& begin, const std::function<void()>& each);

}  // namespace ur::test
