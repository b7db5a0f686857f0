// Geometry: where everything in a segment stands. Computed from the configuration by the server, and
// again by each attacher from the counts in the pool rows, so that no offset is taken from the segment.
// Pure; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "layout.h"
#include "status.gen.h"

namespace ur {

struct PoolConfig {
  std::string name;
  uint32_t streams = 0;
  uint32_t slot_size = 0;  // bytes, kMinSlotSize .. kMaxSlotSize
  uint32_t request_slots = 0;
  uint32_t response_slots = 0;
  uint32_t stage_slots = 0;  // of each stage lane; ignored without stages
  uint32_t readers_per_lane = 0;
  std::vector<std::string> stages;
};

struct SegmentConfig {
  std::vector<PoolConfig> pools;
  uint32_t max_workers = 0;  // 1 .. kMaxWorkers, the server included
  std::vector<std::string> observers;
  bool resumable = false;  // several ingress processes may serve it
  bool elastic = false;
  uint32_t warm_streams = 0;  // elastic: closed streams per pool that keep their memory
};

struct PoolGeometry {
  PoolConfig config;
  uint32_t first_stream = 0;
  uint32_t slot_stride = 0;
  uint32_t lane_stride = 0;
  uint32_t lanes_per_stream = 0;
  uint64_t lane_offset = 0;
  uint64_t slot_header_offset = 0;
  uint64_t slot_header_stride = 0;
  uint64_t request_data_offset = 0;
  uint64_t request_data_stride = 0;
  uint64_t response_data_offset = 0;
  uint64_t response_data_stride = 0;

  uint32_t lane_slots(uint32_t lane) const {
    return lane == kRequestLane    ? config.request_slots
           : lane == kResponseLane ? config.response_slots
                                   : config.stage_slots;
  }
  // Slots that stand before this lane's in the stream's block of slot headers.
  uint32_t slots_before(uint32_t lane) const {
    if (lane == kRequestLane) return 0;
    if (lane == kResponseLane) return config.request_slots;
    return config.request_slots + config.response_slots +
           (lane - kFirstStageLane) * config.stage_slots;
  }
};

struct Geometry {
  std::vector<PoolGeometry> pools;
  std::vector<std::string> observers;
  uint32_t worker_count = 0;
  uint32_t stream_count = 0;
  uint32_t signal_words = 0;  // u64 per worker
  uint64_t pool_table_offset = 0;
  uint64_t worker_table_offset = 0;
  uint64_t signal_table_offset = 0;
  uint64_t signal_stride = 0;
  uint64_t stream_table_offset = 0;
  uint64_t control_size = 0;  // everything before the slots' data
  uint64_t request_data_begin = 0;
  uint64_t request_data_end = 0;
  uint64_t total_size = 0;
  uint64_t start_size = 0;  // bytes that are allocated at start (less than total when elastic)
};

inline constexpr uint64_t kPageSize = 4096;

// Fills `out`; on kInvalidGeometry `detail` names the value and what is accepted.
[[nodiscard]] Status plan_geometry(const SegmentConfig& config, Geometry* out, std::string* detail);

// "12.3 GB" for people.
std::string format_bytes(uint64_t bytes);

}  // namespace ur
