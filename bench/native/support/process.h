// Child processes of a benchmark: this program again, with other options, by fork and exec. Nothing of
// the segment is inherited; a child attaches over the control socket as every worker does.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace ur::bench {

struct Child {
  pid_t pid = -1;
  int output = -1;  // read end of its standard output
};

Child spawn_self(const std::vector<std::string>& arguments);
// Waits for its end and returns what it printed. Ends this program when the child has failed.
std::string finish(const Child& child);
// Binds this process to one processor; nothing happens when there is no such processor.
void pin_to_processor(uint32_t processor);
uint32_t processor_count();

}  // namespace ur::bench
