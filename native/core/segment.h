// One process's mapping of a segment, and bounded access to its tables. Creating and attaching happen
// on one thread; afterwards every member may be used from any thread: what changes is atomic words.
//
// Nothing is taken from the segment but counts, once, at attach; every offset is computed from them,
// so that no value that another process writes can lead outside the mapping.
#pragma once

#include <memory>
#include <string>

#include "geometry.h"
#include "layout.h"
#include "pin_counts.h"
#include "shared_memory.h"
#include "status.gen.h"

namespace ur {

// One lane of one stream of one generation: plain pointers into the mapping, cheap to copy.
struct LaneRef {
  Lane* control = nullptr;
  SlotHeader* headers = nullptr;
  uint8_t* data = nullptr;
  StreamRow* row = nullptr;
  uint64_t generation = 0;
  uint32_t stream = 0;  // index
  uint32_t lane = 0;
  uint32_t slots = 0;
  uint32_t slot_size = 0;
  uint32_t slot_stride = 0;
  uint32_t reader_count = 0;

  SlotHeader& header(uint64_t id) const { return headers[id % slots]; }
  uint8_t* slot_data(uint64_t id) const { return data + (id % slots) * slot_stride; }
  uint64_t stream_id() const { return make_stream_id(generation, stream); }
};

class Segment {
 public:
  enum class Access { kIngress, kWorker, kMonitor };

  // Creates, allocates, pre-faults and initialises. kOutOfMemory before anything is allocated when
  // the machine or the container has too little; `detail` says how much is needed and there.
  [[nodiscard]] static Status create(const SegmentConfig& config, std::unique_ptr<Segment>* out,
                                     std::string* detail);
  // Maps `file` and checks all of it. A worker's request data is mapped read-only; an ingress keeps the
  // file, and the segment must be one that several may serve.
  [[nodiscard]] static Status attach(MemoryFile file, Access access, std::unique_ptr<Segment>* out,
                                     std::string* detail);
  // Bytes of `config` beside what the machine has; for `doctor` and for errors at start.
  [[nodiscard]] static Status check_memory(const Geometry& geometry, std::string* detail);

  const Geometry& geometry() const { return geometry_; }
  SegmentHeader& header() const { return *reinterpret_cast<SegmentHeader*>(mapping_.base()); }
  uint8_t* base() const { return mapping_.base(); }
  uint64_t size() const { return mapping_.size(); }
  Access access() const { return access_; }
  // Another ingress may become the arbiter: kFeatureResume.
  bool resumable() const { return resumable_; }
  bool elastic() const { return elastic_; }
  uint32_t warm_streams() const { return warm_streams_; }
  MemoryFile& file() { return file_; }
  Mapping& mapping() { return mapping_; }
  PinCounts& pins() { return pins_; }

  // Own row; kNoIndex for a monitor.
  uint32_t self() const { return self_; }
  uint64_t self_bit() const { return 1ULL << self_; }
  void set_self(uint32_t worker) { self_ = worker; }

  bool has_worker(uint32_t worker) const { return worker < geometry_.worker_count; }
  WorkerRow& worker(uint32_t worker) const;
  AtomicU64* signals(uint32_t worker) const;
  StreamRow& stream(uint32_t stream) const;
  bool has_stream(uint32_t stream) const { return stream < geometry_.stream_count; }
  const PoolGeometry& pool_of(uint32_t stream) const;
  uint32_t pool_index_of(uint32_t stream) const;

  // The lane of stream `id`, whatever state it is in; kStaleStream when the generation has passed,
  // kInvalidArgument for a stream or lane that does not exist.
  [[nodiscard]] Status lane(uint64_t stream_id, uint32_t lane, LaneRef* out) const;
  // The same for whatever generation the place has.
  LaneRef lane_at(uint32_t stream, uint32_t lane) const;

 private:
  Segment() = default;
  void initialise(const SegmentConfig& config);
  [[nodiscard]] Status verify(std::string* detail);

  MemoryFile file_;
  Mapping mapping_;
  Geometry geometry_;
  Access access_ = Access::kIngress;
  bool resumable_ = false;
  bool elastic_ = false;
  uint32_t warm_streams_ = 0;
  uint32_t self_ = kNoIndex;
  PinCounts pins_;
};

inline uint64_t open_state(uint64_t generation) {
  return state_word(generation, StreamState::kOpen);
}

// True while the lane's stream is open in the lane's generation.
inline bool is_open(const LaneRef& lane) {
  return lane.row->state.load(std::memory_order_seq_cst) == open_state(lane.generation);
}

// What a handle on the lane's stream should answer now: kOk, the abort's reason, or kStaleStream.
[[nodiscard]] Status stream_status(const LaneRef& lane);

// A status that another process wrote as a positive number; kSegmentCorrupt when it is none.
[[nodiscard]] Status status_of_number(uint32_t number);

}  // namespace ur
