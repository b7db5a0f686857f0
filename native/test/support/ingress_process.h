// An ingress process that a test kills, and what the others of its kind do meanwhile.
#pragma once

#include <string>

#include "control/membership.h"
#include "core/ingress.h"
#include "test/support/zygote.h"

namespace ur::test {

// small_config(), for several ingress processes.
SegmentConfig shared_config();

// Modes of ingress_process().
inline constexpr uint32_t kCreates = 0;  // makes the segment
inline constexpr uint32_t kJoins = 1;
inline constexpr uint32_t kChurns = 2;  // joins, and opens, writes and closes streams without a pause

// Serves the segment at args.socket until it is killed: opens `args.stream` streams and writes three
// slots to each, and looks after the arbiter.
int ingress_process(const WorkerArgs& args);

// Calls connected() of each member until `condition` holds; the test fails when it never does.
template <typename Condition>
bool keep(std::initializer_list<Membership*> members, Condition condition) {
  return eventually([&] {
    for (Membership* member : members) member->connected();
    return condition();
  });
}

}  // namespace ur::test
