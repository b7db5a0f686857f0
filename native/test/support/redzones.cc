#include "test/support/redzones.h"

#if defined(__SANITIZE_ADDRESS__)
#define UR_ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define UR_ADDRESS_SANITIZER 1
#endif
#endif

#if defined(UR_ADDRESS_SANITIZER)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#endif

namespace ur::test {

Redzones::Redzones(const Segment& segment) : base_(segment.base()) {
  const Geometry& g = segment.geometry();
  add(sizeof(SegmentHeader), g.pool_table_offset);
  add(g.pool_table_offset + g.pools.size() * sizeof(PoolRow), g.worker_table_offset);
  add(g.worker_table_offset + g.worker_count * sizeof(WorkerRow), g.signal_table_offset);
  for (uint32_t w = 0; w < g.worker_count; w++) {
    const uint64_t row = g.signal_table_offset + w * g.signal_stride;
    add(row + uint64_t{g.signal_words} * 8, row + g.signal_stride);
  }
  uint64_t end = g.stream_table_offset + uint64_t{g.stream_count} * sizeof(StreamRow);
  for (const PoolGeometry& pool : g.pools) {
    add(end, pool.lane_offset);
    end = pool.slot_header_offset + pool.config.streams * pool.slot_header_stride;
  }
  add(end, g.request_data_begin);
  for (const PoolGeometry& pool : g.pools) add_pool(pool);
}

Redzones::~Redzones() {
  for (const auto& [begin, end] : ranges_) ASAN_UNPOISON_MEMORY_REGION(base_ + begin, end - begin);
}

std::vector<std::pair<uint64_t, uint64_t>> Redzones::between(uint64_t end) const {
  std::vector<std::pair<uint64_t, uint64_t>> open;
  uint64_t at = 0;
  for (const auto& [begin, after] : ranges_) {
    if (begin >= end) break;
    if (begin > at) open.emplace_back(at, begin);
    at = after;
  }
  if (at < end) open.emplace_back(at, end);
  return open;
}

void Redzones::add(uint64_t begin, uint64_t end) {
  if (begin >= end) return;
  ASAN_POISON_MEMORY_REGION(base_ + begin, end - begin);
  ranges_.emplace_back(begin, end);
}

void Redzones::add_pool(const PoolGeometry& pool) {
  const uint64_t response_slots =
      pool.slots_before(pool.lanes_per_stream) - pool.config.request_slots;
  for (uint64_t s = 0; s < pool.config.streams; s++) {
    add_slots(pool.request_data_offset + s * pool.request_data_stride, pool.request_data_stride,
              pool.config.request_slots, pool);
    add_slots(pool.response_data_offset + s * pool.response_data_stride,
              pool.response_data_stride, response_slots, pool);
  }
}

void Redzones::add_slots(uint64_t block, uint64_t stride, uint64_t slots,
                         const PoolGeometry& pool) {
  for (uint64_t i = 0; i < slots; i++) {
    const uint64_t slot = block + i * pool.slot_stride;
    add(slot + pool.config.slot_size, slot + pool.slot_stride);
  }
  add(block + slots * pool.slot_stride, block + stride);
}

}  // namespace ur::test
