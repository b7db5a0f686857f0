#include "worker_row.h"

#include <algorithm>
#include <cstring>

#include "core/clock.h"

namespace ur {

void fill_row(WorkerRow* row, uint32_t pid, uint32_t role, uint32_t observer, uint32_t capacity,
              const std::string& name) {
  row->pid.store(pid, std::memory_order_relaxed);
  row->role.store(role, std::memory_order_relaxed);
  row->observer.store(observer, std::memory_order_relaxed);
  row->capacity.store(capacity, std::memory_order_relaxed);
  row->in_flight.store(0, std::memory_order_relaxed);
  row->attached_ns.store(monotonic_ns(), std::memory_order_relaxed);
  row->heartbeat_ns.store(monotonic_ns(), std::memory_order_relaxed);
  std::memset(row->name, 0, sizeof row->name);
  std::memcpy(row->name, name.data(), std::min(name.size(), sizeof row->name - 1));
  const uint64_t generation = row->owner.load(std::memory_order_relaxed) >> 8;
  row->owner.store(generation << 8 | static_cast<uint64_t>(WorkerState::kAttached),
                   std::memory_order_release);
}

}  // namespace ur
