#include "ingress.h"

#include <algorithm>
#include <cstring>

#include "claim.h"
#include "clock.h"
#include "doorbell.h"
#include "lane_reader.h"
#include "machine.h"
#include "verdict.h"

namespace ur {
Ingress::Ingress(Segment* segment) : segment_(segment) {
  const Geometry& geometry = segment->geometry();
  free_.resize(geometry.pools.size());
  warm_free_.assign(geometry.pools.size(), 0);
  warm_.assign(geometry.stream_count, segment->elastic() ? 0 : 1);
  for (size_t i = 0; i < geometry.pools.size(); i++) {
    const PoolGeometry& pool = geometry.pools[i];
    for (uint32_t s = pool.config.streams; s > 0; s--) {
      free_[i].push_back(pool.first_stream + s - 1);
    }
    // Each process begins somewhere else, so that they seldom meet.
    const uint64_t turn = uint64_t{segment->self() % geometry.worker_count} * pool.config.streams;
    std::rotate(free_[i].begin(),
                free_[i].end() - static_cast<std::ptrdiff_t>(turn / geometry.worker_count),
                free_[i].end());
  }
}

Status Ingress::warm_up(uint32_t stream) {
  if (warm_[stream] != 0) {
    if (segment_->elastic()) warm_free_[segment_->pool_index_of(stream)]--;
    return Status::kOk;
  }
  const PoolGeometry& pool = segment_->pool_of(stream);
  const uint64_t local = stream - pool.first_stream;
  // Asked first, because a control group at its limit kills instead of refusing.
  if (machine_memory().usable() < pool.request_data_stride + pool.response_data_stride) {
    return Status::kOutOfMemory;
  }
  std::string detail;
  MemoryFile& file = segment_->file();
  const uint64_t request = pool.request_data_offset + local * pool.request_data_stride;
  const uint64_t response = pool.response_data_offset + local * pool.response_data_stride;
  Status status = file.allocate(request, pool.request_data_stride, &detail);
  if (status != Status::kOk) return status;
  status = file.allocate(response, pool.response_data_stride, &detail);
  if (status == Status::kOk) {
    warm_[stream] = 1;
  } else if (file.punch(request, pool.request_data_stride) != Status::kOk) {
    return status;  // it stays allocated, and the next attempt finds it so
  }
  return status;
}

void Ingress::cool_down(uint32_t stream) {
  if (!segment_->elastic()) return;
  const uint32_t index = segment_->pool_index_of(stream);
  if (warm_free_[index] < segment_->warm_streams()) {
    warm_free_[index]++;
    return;
  }
  const PoolGeometry& pool = segment_->geometry().pools[index];
  const uint64_t local = stream - pool.first_stream;
  const Status request = segment_->file().punch(
      pool.request_data_offset + local * pool.request_data_stride, pool.request_data_stride);
  const Status response = segment_->file().punch(
      pool.response_data_offset + local * pool.response_data_stride, pool.response_data_stride);
  // Half of it gone is cold: what is still there is allocated once more without harm.
  if (request == Status::kOk || response == Status::kOk) {
    warm_[stream] = 0;
  } else {
    warm_free_[index]++;
  }
}

// Takes the place from the other ingress processes, then moves the reader words to the next generation.
// A joiner with a stale handle may be between its two steps; then the place is not taken now.
Ingress::Place Ingress::take_place(uint32_t stream, uint64_t* generation) {
  StreamRow& row = segment_->stream(stream);
  uint64_t state = row.state.load(std::memory_order_acquire);
  if (stream_state(state) != StreamState::kFree) return Place::kNotFree;
  uint64_t next = (state_generation(state) + 1) & 0xFFFFFFFFULL;
  if (next == 0) next = 1;
  if (!row.state.compare_exchange_strong(state, opening_state(next, segment_->self()),
                                         std::memory_order_seq_cst)) {
    return Place::kNotFree;
  }
  const PoolGeometry& pool = segment_->pool_of(stream);
  for (uint32_t l = 0; l < pool.lanes_per_stream; l++) {
    const LaneRef lane = segment_->lane_at(stream, l);
    for (uint32_t r = 0; r < lane.reader_count; r++) {
      AtomicU64& owner = lane.control->readers[r].owner;
      uint64_t word = owner.load(std::memory_order_acquire);
      if (reader_state(word) != ReaderState::kFree ||
          !owner.compare_exchange_strong(word, next << 32, std::memory_order_acq_rel)) {
        give_place_back(stream);
        return Place::kBusy;  // words that moved on already are moved again at the next attempt
      }
    }
    for (uint32_t s = 0; s < lane.slots; s++) {
      if (lane.headers[s].pins.load(std::memory_order_acquire) == 0) continue;
      give_place_back(stream);
      return Place::kBusy;
    }
  }
  *generation = next;
  return Place::kTaken;
}

// Undoes take_place(): nobody has a handle of the generation, so that it can be the next again.
void Ingress::give_place_back(uint32_t stream) {
  StreamRow& row = segment_->stream(stream);
  const uint64_t next = state_generation(row.state.load(std::memory_order_relaxed));
  row.state.store(state_word(next - 1, StreamState::kFree), std::memory_order_seq_cst);
}

// What other processes gave back, when none is left that this one knows of.
void Ingress::find_places(uint32_t pool) {
  free_[pool].clear();
  const PoolGeometry& geometry = segment_->geometry().pools[pool];
  for (uint32_t i = geometry.config.streams; i > 0; i--) {
    const uint32_t stream = geometry.first_stream + i - 1;
    const uint64_t state = segment_->stream(stream).state.load(std::memory_order_acquire);
    if (stream_state(state) == StreamState::kFree) free_[pool].push_back(stream);
  }
}

void Ingress::prepare(uint32_t stream, uint64_t generation, uint32_t pool,
                      const std::string& transport) {
  StreamRow& row = segment_->stream(stream);
  for (uint32_t l = 0; l < segment_->geometry().pools[pool].lanes_per_stream; l++) {
    reset_lane(segment_->lane_at(stream, l));
  }
  reset_verdicts(*segment_, stream, generation);
  const size_t observers = segment_->geometry().observers.size();
  row.pool.store(pool, std::memory_order_relaxed);
  row.ingress.store(segment_->self(), std::memory_order_relaxed);
  row.abort.store(0, std::memory_order_relaxed);
  row.required.store((1U << observers) - 1, std::memory_order_relaxed);
  row.opened_ns.store(monotonic_ns(), std::memory_order_relaxed);
  row.serial.store(segment_->header().serial.fetch_add(1, std::memory_order_relaxed) + 1,
                   std::memory_order_relaxed);
  std::memset(row.transport, 0, sizeof row.transport);
  std::memcpy(row.transport, transport.data(),
              std::min(transport.size(), sizeof row.transport - 1));
  row.state.store(open_state(generation), std::memory_order_seq_cst);
}

// One of the places that this process knows of.
Status Ingress::open_known(uint32_t pool, uint32_t* stream, uint64_t* generation) {
  std::vector<uint32_t>& places = free_[pool];
  for (size_t i = places.size(); i > 0; i--) {
    *stream = places[i - 1];
    const Place place = take_place(*stream, generation);
    if (place == Place::kBusy) continue;
    if (place == Place::kNotFree) {
      // Another's now. In a segment of one process somebody wrote what is not his, and may repair it.
      if (segment_->resumable()) places.erase(places.begin() + static_cast<std::ptrdiff_t>(i) - 1);
      continue;
    }
    const Status status = warm_up(*stream);
    if (status == Status::kOk) {
      places.erase(places.begin() + static_cast<std::ptrdiff_t>(i) - 1);
    } else {
      give_place_back(*stream);
    }
    return status;
  }
  return Status::kNoFreeStream;
}

Status Ingress::open(uint32_t pool, const std::string& transport, uint64_t* stream_id) {
  if (pool >= free_.size()) return Status::kUnknownPool;
  uint32_t stream = 0;
  uint64_t generation = 0;
  Status status = open_known(pool, &stream, &generation);
  if (status == Status::kNoFreeStream && segment_->resumable()) {
    find_places(pool);
    status = open_known(pool, &stream, &generation);
  }
  if (status != Status::kOk) return status;
  prepare(stream, generation, pool, transport);
  *stream_id = make_stream_id(generation, stream);
  return Status::kOk;
}

void Ingress::ring_stream(uint32_t stream) {
  for (uint32_t l = 0; l < segment_->pool_of(stream).lanes_per_stream; l++) {
    const LaneRef lane = segment_->lane_at(stream, l);
    ring_lane(*segment_, lane);
    ring_holders(*segment_, lane);  // who is busy is not parked, and still has to hear of it
  }
}

Status Ingress::abort(uint64_t stream_id, Status reason) {
  LaneRef lane;
  Status status = segment_->lane(stream_id, kRequestLane, &lane);
  if (status != Status::kOk) return status;
  uint32_t none = 0;
  lane.row->abort.compare_exchange_strong(
      none, static_cast<uint32_t>(-static_cast<int32_t>(reason)), std::memory_order_seq_cst);
  ring_stream(lane.stream);
  return Status::kOk;
}

Status Ingress::close(uint64_t stream_id) {
  LaneRef lane;
  Status status = segment_->lane(stream_id, kRequestLane, &lane);
  if (status != Status::kOk) return status;
  uint64_t open = open_state(lane.generation);
  if (!lane.row->state.compare_exchange_strong(
          open, state_word(lane.generation, StreamState::kClosing), std::memory_order_seq_cst)) {
    return Status::kStaleStream;
  }
  ring_stream(lane.stream);
  return Status::kOk;
}

// Pairs with LaneReader::join and pin, which set their word and then look at the stream's state.
bool Ingress::is_held(uint32_t stream) const {
  for (uint32_t l = 0; l < segment_->pool_of(stream).lanes_per_stream; l++) {
    const LaneRef lane = segment_->lane_at(stream, l);
    const ClaimOwner owner = claim_owner(lane);
    if (owner.worker != kNoIndex && !owner.orphan) return true;
    for (uint32_t r = 0; r < lane.reader_count; r++) {
      const uint64_t word = lane.control->readers[r].owner.load(std::memory_order_seq_cst);
      if (reader_state(word) != ReaderState::kFree) return true;
    }
    for (uint32_t s = 0; s < lane.slots; s++) {
      if (lane.headers[s].pins.load(std::memory_order_seq_cst) != 0) return true;
    }
  }
  return false;
}

Status Ingress::reclaim(uint64_t stream_id) {
  LaneRef lane;
  Status status = segment_->lane(stream_id, kRequestLane, &lane);
  if (status != Status::kOk) return status;
  uint64_t state = lane.row->state.load(std::memory_order_acquire);
  if (state != state_word(lane.generation, StreamState::kClosing)) return Status::kInvalidArgument;
  if (is_held(lane.stream)) return Status::kFull;
  if (!lane.row->state.compare_exchange_strong(
          state, state_word(lane.generation, StreamState::kFree), std::memory_order_seq_cst)) {
    return Status::kInvalidArgument;
  }
  cool_down(lane.stream);
  // open() takes from the end: places with memory stand behind all those without.
  std::vector<uint32_t>& places = free_[segment_->pool_index_of(lane.stream)];
  places.insert(warm_[lane.stream] != 0 ? places.end() : places.begin(), lane.stream);
  return Status::kOk;
}

uint32_t Ingress::evict(const LaneRef& lane, uint32_t worker) {
  uint32_t count = 0;
  for (uint32_t r = 0; r < lane.reader_count; r++) {
    ReaderWord& word = lane.control->readers[r];
    const uint64_t owner = word.owner.load(std::memory_order_acquire);
    // One that is still joining holds nothing back, and its thread must not meet another of its
    // process in the same word.
    if (reader_state(owner) == ReaderState::kActive && reader_worker(owner) == worker &&
        evict_reader(&word, owner)) {
      count++;
    }
  }
  if (count > 0) {
    ring_writer(*segment_, lane);
    ring(*segment_, worker, lane.stream);
  }
  return count;
}

bool is_whole(const LaneRef& lane) {
  return lane.control->intent.load(std::memory_order_acquire) <= lane.slots;
}

}  // namespace ur
