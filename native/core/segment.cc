#include "segment.h"

#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include <cstring>

#include "clock.h"
#include "machine.h"

namespace ur {
namespace {

void copy_name(char* target, const std::string& name) {
  std::memset(target, 0, kNameBytes);
  std::memcpy(target, name.data(), std::min<size_t>(name.size(), kNameBytes - 1));
}

std::string read_name(const char* source) {
  return std::string(source, strnlen(source, kNameBytes));
}

Status corrupt(std::string* detail, const char* text) {
  *detail = text;
  return Status::kSegmentCorrupt;
}

void write_pool_row(const PoolGeometry& pool, PoolRow* row) {
  copy_name(row->name, pool.config.name);
  row->first_stream = pool.first_stream;
  row->stream_count = pool.config.streams;
  row->slot_size = pool.config.slot_size;
  row->slot_stride = pool.slot_stride;
  row->request_slots = pool.config.request_slots;
  row->response_slots = pool.config.response_slots;
  row->stage_slots = pool.config.stage_slots;
  row->stage_count = static_cast<uint32_t>(pool.config.stages.size());
  row->readers_per_lane = pool.config.readers_per_lane;
  row->lane_stride = pool.lane_stride;
  row->lane_offset = pool.lane_offset;
  row->slot_header_offset = pool.slot_header_offset;
  row->slot_header_stride = pool.slot_header_stride;
  row->request_data_offset = pool.request_data_offset;
  row->request_data_stride = pool.request_data_stride;
  row->response_data_offset = pool.response_data_offset;
  row->response_data_stride = pool.response_data_stride;
  for (size_t i = 0; i < pool.config.stages.size(); i++) {
    copy_name(row->stages[i], pool.config.stages[i]);
  }
}

PoolConfig read_pool_row(const PoolRow& row) {
  PoolConfig pool;
  pool.name = read_name(row.name);
  pool.streams = row.stream_count;
  pool.slot_size = row.slot_size;
  pool.request_slots = row.request_slots;
  pool.response_slots = row.response_slots;
  pool.stage_slots = row.stage_slots;
  pool.readers_per_lane = row.readers_per_lane;
  for (uint32_t i = 0; i < row.stage_count; i++) {
    pool.stages.push_back(read_name(row.stages[i]));
  }
  return pool;
}

bool same_tables(const Geometry& geometry, const SegmentHeader& head) {
  return head.total_size == geometry.total_size && head.stream_count == geometry.stream_count &&
         head.pool_table_offset == geometry.pool_table_offset &&
         head.pool_stride == sizeof(PoolRow) &&
         head.worker_table_offset == geometry.worker_table_offset &&
         head.worker_stride == sizeof(WorkerRow) &&
         head.signal_table_offset == geometry.signal_table_offset &&
         head.signal_stride == geometry.signal_stride &&
         head.stream_table_offset == geometry.stream_table_offset &&
         head.stream_stride == sizeof(StreamRow) &&
         head.request_data_begin == geometry.request_data_begin &&
         head.request_data_end == geometry.request_data_end;
}

bool same_offsets(const PoolGeometry& pool, const PoolRow& row) {
  return row.lane_offset == pool.lane_offset && row.lane_stride == pool.lane_stride &&
         row.slot_stride == pool.slot_stride && row.first_stream == pool.first_stream &&
         row.slot_header_offset == pool.slot_header_offset &&
         row.slot_header_stride == pool.slot_header_stride &&
         row.request_data_offset == pool.request_data_offset &&
         row.request_data_stride == pool.request_data_stride &&
         row.response_data_offset == pool.response_data_offset &&
         row.response_data_stride == pool.response_data_stride;
}

}  // namespace

Status Segment::check_memory(const Geometry& geometry, std::string* detail) {
  MachineMemory memory = machine_memory();
  if (geometry.start_size <= memory.usable()) return Status::kOk;
  *detail = "the segment needs " + format_bytes(geometry.start_size) + " at start, the machine has " +
            format_bytes(memory.available) + " of " + format_bytes(memory.total) + " available";
  if (memory.cgroup_limit != UINT64_MAX) {
    *detail += " and its control group has used " + format_bytes(memory.cgroup_used) + " of " +
               format_bytes(memory.cgroup_limit);
  }
  return Status::kOutOfMemory;
}

Status Segment::create(const SegmentConfig& config, std::unique_ptr<Segment>* out,
                       std::string* detail) {
  std::unique_ptr<Segment> segment(new Segment());
  Geometry& geometry = segment->geometry_;
  Status status = plan_geometry(config, &geometry, detail);
  if (status != Status::kOk) return status;
  status = check_memory(geometry, detail);
  if (status != Status::kOk) return status;
  status = segment->file_.create(geometry.total_size, detail);
  if (status != Status::kOk) return status;
  uint64_t allocate = config.elastic ? geometry.control_size : geometry.total_size;
  status = segment->file_.allocate(0, allocate, detail);
  if (status != Status::kOk) return status;
  status = segment->mapping_.map(segment->file_, geometry.total_size, true, detail);
  if (status != Status::kOk) return status;
  segment->mapping_.populate(0, allocate);
  segment->pins_.cover(segment->base(), geometry.control_size);
  segment->resumable_ = config.resumable;
  segment->elastic_ = config.elastic;
  segment->warm_streams_ = config.warm_streams;
  segment->initialise(config);
  *out = std::move(segment);
  return Status::kOk;
}

void Segment::initialise(const SegmentConfig& config) {
  SegmentHeader& head = header();
  head.magic = kSegmentMagic;
  head.abi_major = kAbiMajor;
  head.abi_minor = kAbiMinor;
  head.endian_tag = kEndianTag;
  head.header_size = sizeof(SegmentHeader);
  head.features_optional = config.resumable ? kFeatureResume : 0;
  head.total_size = geometry_.total_size;
  if (getentropy(head.boot_uuid, sizeof head.boot_uuid) != 0) {
    uint64_t now = monotonic_ns();  // only has to differ from the last server's
    std::memcpy(head.boot_uuid, &now, sizeof now);
  }
  timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  head.created_unix_ns =
      static_cast<uint64_t>(now.tv_sec) * 1000000000ULL + static_cast<uint64_t>(now.tv_nsec);
  head.server_pid = static_cast<uint32_t>(getpid());
  head.pool_count = static_cast<uint32_t>(geometry_.pools.size());
  head.worker_count = geometry_.worker_count;
  head.stream_count = geometry_.stream_count;
  head.observer_count = static_cast<uint32_t>(config.observers.size());
  head.pool_table_offset = geometry_.pool_table_offset;
  head.pool_stride = sizeof(PoolRow);
  head.worker_table_offset = geometry_.worker_table_offset;
  head.worker_stride = sizeof(WorkerRow);
  head.signal_table_offset = geometry_.signal_table_offset;
  head.signal_stride = geometry_.signal_stride;
  head.stream_table_offset = geometry_.stream_table_offset;
  head.stream_stride = sizeof(StreamRow);
  head.request_data_begin = geometry_.request_data_begin;
  head.request_data_end = geometry_.request_data_end;
  for (size_t i = 0; i < config.observers.size(); i++) {
    copy_name(head.observers[i], config.observers[i]);
  }
  auto* rows = reinterpret_cast<PoolRow*>(base() + geometry_.pool_table_offset);
  for (size_t i = 0; i < geometry_.pools.size(); i++) write_pool_row(geometry_.pools[i], &rows[i]);
  head.state.store(static_cast<uint32_t>(SegmentState::kReady), std::memory_order_release);
}

Status Segment::attach(MemoryFile file, Access access, std::unique_ptr<Segment>* out,
                       std::string* detail) {
  std::unique_ptr<Segment> segment(new Segment());
  segment->access_ = access;
  uint64_t size = file.size();
  if (size < sizeof(SegmentHeader)) return corrupt(detail, "the segment is shorter than its header");
  if (!file.sealed()) return corrupt(detail, "the segment could shrink under its readers");
  Status status = segment->mapping_.map(file, size, access != Access::kMonitor, detail);
  if (status != Status::kOk) return status;
  status = segment->verify(detail);
  if (status != Status::kOk) return status;
  segment->pins_.cover(segment->base(), segment->geometry_.control_size);
  if (access == Access::kIngress) {
    segment->mapping_.prefault();
    segment->file_ = std::move(file);
  }
  if (access == Access::kWorker) {
    status = segment->mapping_.protect(segment->geometry_.request_data_begin,
                                       segment->geometry_.request_data_end);
    if (status != Status::kOk) return status;
  }
  *out = std::move(segment);
  return Status::kOk;
}

Status Segment::verify(std::string* detail) {
  if (header().state.load(std::memory_order_acquire) !=
      static_cast<uint32_t>(SegmentState::kReady)) {
    *detail = "the segment is not ready";
    return Status::kServerGone;
  }
  // Checked and used is a copy: other workers can write to these pages at any time.
  alignas(SegmentHeader) uint8_t bytes[sizeof(SegmentHeader)];
  std::memcpy(bytes, base(), sizeof bytes);
  std::atomic_signal_fence(std::memory_order_seq_cst);
  const SegmentHeader& head = *reinterpret_cast<const SegmentHeader*>(bytes);
  if (head.magic != kSegmentMagic) return corrupt(detail, "the magic is wrong");
  if (head.abi_major != kAbiMajor || head.features_required != 0) {
    *detail = "the segment has ABI " + std::to_string(head.abi_major) + "." +
              std::to_string(head.abi_minor) + ", this program reads " +
              std::to_string(kAbiMajor) + ".x";
    return Status::kAbiMismatch;
  }
  if (head.endian_tag != kEndianTag) return corrupt(detail, "the byte order is another one");
  if (head.header_size < sizeof(SegmentHeader)) return corrupt(detail, "the header is too short");
  resumable_ = (head.features_optional & kFeatureResume) != 0;
  // Read once: another process may change them.
  const uint32_t pools = head.pool_count;
  const uint32_t observers = head.observer_count;
  if (pools == 0 || pools > kMaxPools || observers > kMaxObservers) {
    return corrupt(detail, "a count is out of range");
  }
  if (kPageSize + pools * sizeof(PoolRow) > size()) {
    return corrupt(detail, "the segment is too short");
  }
  std::vector<PoolRow> rows(pools);
  std::memcpy(rows.data(), base() + kPageSize, rows.size() * sizeof(PoolRow));
  std::atomic_signal_fence(std::memory_order_seq_cst);
  SegmentConfig config;
  config.max_workers = head.worker_count;
  for (uint32_t i = 0; i < observers; i++) {
    config.observers.push_back(read_name(head.observers[i]));
  }
  for (const PoolRow& row : rows) {
    if (row.stage_count > kMaxStages) return corrupt(detail, "a count is out of range");
    config.pools.push_back(read_pool_row(row));
  }
  std::string geometry_detail;
  if (plan_geometry(config, &geometry_, &geometry_detail) != Status::kOk) {
    *detail = geometry_detail;
    return Status::kSegmentCorrupt;
  }
  if (geometry_.total_size != size() || !same_tables(geometry_, head)) {
    return corrupt(detail, "the tables do not stand where the counts put them");
  }
  for (size_t i = 0; i < rows.size(); i++) {
    if (!same_offsets(geometry_.pools[i], rows[i])) {
      return corrupt(detail, "a pool does not stand where the counts put it");
    }
  }
  return Status::kOk;
}

WorkerRow& Segment::worker(uint32_t worker) const {
  return reinterpret_cast<WorkerRow*>(base() + geometry_.worker_table_offset)[worker];
}

AtomicU64* Segment::signals(uint32_t worker) const {
  return reinterpret_cast<AtomicU64*>(base() + geometry_.signal_table_offset +
                                      worker * geometry_.signal_stride);
}

StreamRow& Segment::stream(uint32_t stream) const {
  return reinterpret_cast<StreamRow*>(base() + geometry_.stream_table_offset)[stream];
}

uint32_t Segment::pool_index_of(uint32_t stream) const {
  uint32_t index = static_cast<uint32_t>(geometry_.pools.size()) - 1;
  while (index > 0 && stream < geometry_.pools[index].first_stream) index--;
  return index;
}

const PoolGeometry& Segment::pool_of(uint32_t stream) const {
  return geometry_.pools[pool_index_of(stream)];
}

LaneRef Segment::lane_at(uint32_t stream_index, uint32_t lane) const {
  const PoolGeometry& pool = pool_of(stream_index);
  uint64_t local = stream_index - pool.first_stream;
  LaneRef ref;
  ref.control = reinterpret_cast<Lane*>(
      base() + pool.lane_offset + (local * pool.lanes_per_stream + lane) * pool.lane_stride);
  ref.headers = reinterpret_cast<SlotHeader*>(base() + pool.slot_header_offset +
                                              local * pool.slot_header_stride) +
                pool.slots_before(lane);
  ref.data = lane == kRequestLane
                 ? base() + pool.request_data_offset + local * pool.request_data_stride
                 : base() + pool.response_data_offset + local * pool.response_data_stride +
                       uint64_t{pool.slots_before(lane) - pool.config.request_slots} *
                           pool.slot_stride;
  ref.row = &stream(stream_index);
  ref.generation = state_generation(ref.row->state.load(std::memory_order_acquire));
  ref.stream = stream_index;
  ref.lane = lane;
  ref.slots = pool.lane_slots(lane);
  ref.slot_size = pool.config.slot_size;
  ref.slot_stride = pool.slot_stride;
  ref.reader_count = pool.config.readers_per_lane;
  return ref;
}

Status Segment::lane(uint64_t stream_id, uint32_t lane, LaneRef* out) const {
  uint32_t index = stream_index(stream_id);
  if (!has_stream(index) || lane >= pool_of(index).lanes_per_stream) {
    return Status::kInvalidArgument;
  }
  *out = lane_at(index, lane);
  if (out->generation != stream_generation(stream_id)) return Status::kStaleStream;
  return Status::kOk;
}

Status stream_status(const LaneRef& lane) {
  uint64_t state = lane.row->state.load(std::memory_order_seq_cst);
  if (state_generation(state) != lane.generation) return Status::kStaleStream;
  uint32_t abort = lane.row->abort.load(std::memory_order_seq_cst);
  if (abort != 0) return status_of_number(abort);
  return state == open_state(lane.generation) ? Status::kOk : Status::kStaleStream;
}

Status status_of_number(uint32_t number) {
  if (number == 0 || number >= 1000) return Status::kSegmentCorrupt;
  const auto status = static_cast<Status>(-static_cast<int32_t>(number));
  return status_text(status)[0] != '\0' ? status : Status::kSegmentCorrupt;
}

}  // namespace ur
