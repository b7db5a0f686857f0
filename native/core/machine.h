// What the machine and the container have. Any thread; reads /proc and /sys.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ur {

struct MachineMemory {
  uint64_t total = 0;
  uint64_t available = 0;
  uint64_t cgroup_limit = UINT64_MAX;  // UINT64_MAX: no limit
  uint64_t cgroup_used = 0;

  // What a process can still allocate before the kernel starts to kill.
  uint64_t usable() const {
    uint64_t in_group = cgroup_limit == UINT64_MAX     ? UINT64_MAX
                        : cgroup_limit > cgroup_used ? cgroup_limit - cgroup_used
                                                       : 0;
    return available < in_group ? available : in_group;
  }
};

MachineMemory machine_memory();
size_t machine_l2_bytes();  // of one core; 0 = unknown
size_t machine_l3_bytes();

}  // namespace ur
