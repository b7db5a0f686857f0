#include "geometry.h"

#include <algorithm>

#include <cstdio>

namespace ur {
namespace {

constexpr uint64_t kMaxTotal = 1ULL << 46;

constexpr uint64_t round_up(uint64_t value, uint64_t to) { return (value + to - 1) / to * to; }

Status invalid(std::string* detail, std::string text) {
  *detail = std::move(text);
  return Status::kInvalidGeometry;
}

bool is_name(const std::string& name) {
  return !name.empty() && name.size() < kNameBytes && name.find('\0') == std::string::npos;
}

bool has_twice(const std::vector<std::string>& names) {
  for (size_t i = 1; i < names.size(); i++) {
    if (std::find(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(i), names[i]) !=
        names.begin() + static_cast<std::ptrdiff_t>(i)) {
      return true;
    }
  }
  return false;
}

Status check_range(const PoolConfig& pool, const char* key, uint32_t value, uint32_t low,
                   uint32_t high, std::string* detail) {
  if (value >= low && value <= high) return Status::kOk;
  return invalid(detail, "pool '" + pool.name + "': " + key + " is " + std::to_string(value) +
                             ", accepted are " + std::to_string(low) + " to " +
                             std::to_string(high));
}

Status check_pool(const PoolConfig& pool, std::string* detail) {
  if (!is_name(pool.name)) return invalid(detail, "a pool's name must have 1 to 31 bytes");
  struct {
    const char* key;
    uint32_t value, low, high;
  } const ranges[] = {
      {"streams", pool.streams, 1, kMaxStreams},
      {"slotSize", pool.slot_size, kMinSlotSize, kMaxSlotSize},
      {"requestSlots", pool.request_slots, 2, kMaxSlotsPerLane},
      {"responseSlots", pool.response_slots, 2, kMaxSlotsPerLane},
      {"stageSlots", pool.stages.empty() ? 2 : pool.stage_slots, 2, kMaxSlotsPerLane},
      {"readersPerLane", pool.readers_per_lane, 2, kMaxReadersPerLane},
      {"stages", static_cast<uint32_t>(pool.stages.size()), 0, kMaxStages},
  };
  for (const auto& range : ranges) {
    Status status = check_range(pool, range.key, range.value, range.low, range.high, detail);
    if (status != Status::kOk) return status;
  }
  for (const auto& stage : pool.stages) {
    if (!is_name(stage)) return invalid(detail, "a stage's name must have 1 to 31 bytes");
  }
  if (has_twice(pool.stages)) {
    return invalid(detail, "pool '" + pool.name + "': two stages have one name");
  }
  return Status::kOk;
}

Status check(const SegmentConfig& config, std::string* detail) {
  if (config.pools.empty() || config.pools.size() > kMaxPools) {
    return invalid(detail, "a segment has 1 to 16 pools");
  }
  if (config.max_workers < 1 || config.max_workers > kMaxWorkers) {
    return invalid(detail, "maxWorkers is " + std::to_string(config.max_workers) +
                               ", accepted are 1 to 63");
  }
  if (config.observers.size() > kMaxObservers) {
    return invalid(detail, "at most 8 required observers");
  }
  for (const auto& name : config.observers) {
    if (!is_name(name)) return invalid(detail, "an observer's name must have 1 to 31 bytes");
  }
  if (has_twice(config.observers)) return invalid(detail, "two observers have one name");
  uint64_t streams = 0;
  for (size_t i = 0; i < config.pools.size(); i++) {
    Status status = check_pool(config.pools[i], detail);
    if (status != Status::kOk) return status;
    streams += config.pools[i].streams;
    for (size_t j = 0; j < i; j++) {
      if (config.pools[i].name == config.pools[j].name) {
        return invalid(detail, "two pools are named '" + config.pools[i].name + "'");
      }
    }
  }
  if (streams > kMaxStreams) return invalid(detail, "at most 65536 streams over all pools");
  return Status::kOk;
}

// Control blocks: small enough that no sum overflows, given the ranges checked above.
uint64_t place_control(PoolGeometry* pool, uint64_t offset) {
  const PoolConfig& config = pool->config;
  pool->slot_stride = static_cast<uint32_t>(
      round_up(config.slot_size, config.slot_size >= kPageSize ? kPageSize : 64));
  pool->lanes_per_stream = kFirstStageLane + static_cast<uint32_t>(config.stages.size());
  pool->lane_stride =
      static_cast<uint32_t>(kLaneBytes + config.readers_per_lane * sizeof(ReaderWord));
  pool->lane_offset = offset;
  offset += uint64_t{config.streams} * pool->lanes_per_stream * pool->lane_stride;
  pool->slot_header_offset = offset;
  pool->slot_header_stride =
      uint64_t{pool->slots_before(pool->lanes_per_stream)} * sizeof(SlotHeader);
  // The next pool's lanes stand 128 bytes apart from everything else, too.
  return round_up(offset + config.streams * pool->slot_header_stride, 128);
}

uint64_t place_request_data(PoolGeometry* pool, uint64_t offset) {
  pool->request_data_offset = offset;
  pool->request_data_stride =
      round_up(uint64_t{pool->config.request_slots} * pool->slot_stride, kPageSize);
  return offset + pool->config.streams * pool->request_data_stride;
}

uint64_t place_response_data(PoolGeometry* pool, uint64_t offset) {
  uint64_t slots = pool->slots_before(pool->lanes_per_stream) - pool->config.request_slots;
  pool->response_data_offset = offset;
  pool->response_data_stride = round_up(slots * pool->slot_stride, kPageSize);
  return offset + pool->config.streams * pool->response_data_stride;
}

}  // namespace

Status plan_geometry(const SegmentConfig& config, Geometry* out, std::string* detail) {
  Status status = check(config, detail);
  if (status != Status::kOk) return status;
  if (config.elastic && config.resumable) {
    return invalid(detail, "elastic memory is counted by one process; several need fixed memory");
  }
  Geometry geometry;
  geometry.observers = config.observers;
  geometry.worker_count = config.max_workers;
  for (const auto& pool : config.pools) {
    PoolGeometry placed;
    placed.config = pool;
    if (pool.stages.empty()) placed.config.stage_slots = 0;
    placed.first_stream = geometry.stream_count;
    geometry.stream_count += pool.streams;
    geometry.pools.push_back(std::move(placed));
  }
  uint64_t offset = kPageSize;
  geometry.pool_table_offset = offset;
  offset = round_up(offset + config.pools.size() * sizeof(PoolRow), kPageSize);
  geometry.worker_table_offset = offset;
  offset = round_up(offset + config.max_workers * sizeof(WorkerRow), 128);
  geometry.signal_table_offset = offset;
  geometry.signal_words = (geometry.stream_count + 63) / 64;
  geometry.signal_stride = round_up(uint64_t{geometry.signal_words} * 8, 128);
  offset += config.max_workers * geometry.signal_stride;
  geometry.stream_table_offset = offset;
  offset += uint64_t{geometry.stream_count} * sizeof(StreamRow);
  for (auto& pool : geometry.pools) offset = place_control(&pool, offset);
  geometry.control_size = offset = round_up(offset, kPageSize);
  geometry.request_data_begin = offset;
  for (auto& pool : geometry.pools) offset = place_request_data(&pool, offset);
  geometry.request_data_end = offset;
  for (auto& pool : geometry.pools) offset = place_response_data(&pool, offset);
  geometry.total_size = offset;
  if (offset > kMaxTotal) {
    return invalid(detail, "the segment would have " + format_bytes(offset) +
                               ", more than can be mapped (" + format_bytes(kMaxTotal) + ")");
  }
  geometry.start_size = offset;
  if (config.elastic) {
    geometry.start_size = geometry.control_size;
    for (const auto& pool : geometry.pools) {
      uint64_t warm = std::min(config.warm_streams, pool.config.streams);
      geometry.start_size += warm * (pool.request_data_stride + pool.response_data_stride);
    }
  }
  *out = std::move(geometry);
  return Status::kOk;
}

std::string format_bytes(uint64_t bytes) {
  static const char* const kUnits[] = {"B", "KB", "MB", "GB", "TB"};
  double value = static_cast<double>(bytes);
  int unit = 0;
  while (value >= 1000 && unit < 4) {
    value /= 1000;
    unit++;
  }
  char text[32];
  std::snprintf(text, sizeof text, unit == 0 ? "%.0f %s" : "%.1f %s", value, kUnits[unit]);
  return text;
}

}  // namespace ur
