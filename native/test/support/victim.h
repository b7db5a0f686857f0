// The operations of a worker, each to be stopped in the middle of.
#pragma once

#include <ostream>
#include <span>

#include "core/lane_reader.h"
#include "core/lane_writer.h"

namespace ur::test {

inline constexpr uint32_t kVictim = 1;  // its row

// What the victim has when its operation begins.
struct Victim {
  Segment* segment;
  uint64_t id;
  LaneRef request, response;
  LaneReader reader;
  LaneWriter writer;
};

struct Operation {
  const char* name;
  void (*prepare)(Victim&);
  void (*run)(Victim&);
};

inline void PrintTo(const Operation& operation, std::ostream* out) { *out << operation.name; }

std::span<const Operation> operations();

// In a process of its own: attaches as row kVictim to stream `id`, prepares, stops itself with SIGSTOP,
// runs, and stops itself again.
int run_victim(MemoryFile& file, uint64_t id, const Operation& operation);

}  // namespace ur::test
