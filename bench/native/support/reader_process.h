// The reader's side of a trial, in a process of its own: joins its share of the streams' readers, reads
// to the end of each, and prints what it found.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "options.h"

namespace ur::bench {

struct ReaderPlan {
  ReaderPlan() = default;
  explicit ReaderPlan(Options* options);
  // The command line of a reader process.
  std::vector<std::string> arguments() const;

  std::string socket;
  std::string streams;  // ids, separated by commas
  uint32_t readers_per_stream = 1;
  uint32_t index = 0;      // of this process
  uint32_t processes = 1;  // reader r of all belongs to process r % processes
  uint64_t spins = 0;      // looks before sleeping
  bool verify = true;      // compares every slot with its hash
  bool pin = false;        // writer and readers on different processors
};

// Prints end_ns, bytes, slots, sleeps, cpu_us, hash: the fold of the slot hashes of one reader.
int run_reader(Options* options);

}  // namespace ur::bench
