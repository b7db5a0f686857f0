#include <cstdio>
#include <string>

#include "core/claim.h"
#include "core/clock.h"
#include "core/lane_reader.h"
#include "segment_object.h"

namespace ur::node {
namespace {

double milliseconds_since(uint64_t then_ns) {
  const uint64_t now = monotonic_ns();
  return now > then_ns ? static_cast<double>(now - then_ns) / 1e6 : 0;
}

std::string hex(const uint8_t* bytes, size_t length) {
  std::string text;
  char digits[3];
  for (size_t i = 0; i < length; i++) {
    std::snprintf(digits, sizeof digits, "%02x", bytes[i]);
    text += digits;
  }
  return text;
}

Napi::Array names(Napi::Env env, const std::vector<std::string>& list) {
  Napi::Array array = Napi::Array::New(env);
  for (uint32_t i = 0; i < list.size(); i++) array[i] = Napi::String::New(env, list[i]);
  return array;
}

Napi::Object worker_object(Napi::Env env, const Segment& segment, uint32_t index) {
  const WorkerRow& row = segment.worker(index);
  Napi::Object object = Napi::Object::New(env);
  object.Set("index", number(env, index));
  object.Set("generation", number(env, row.owner.load(std::memory_order_acquire) >> 8));
  object.Set("pid", number(env, row.pid.load(std::memory_order_relaxed)));
  object.Set("role", number(env, row.role.load(std::memory_order_relaxed)));
  object.Set("name", Napi::String::New(env, row.name, strnlen(row.name, sizeof row.name)));
  const uint32_t observer = row.observer.load(std::memory_order_relaxed);
  object.Set("observer", Napi::Number::New(env, observer == kNoIndex ? -1.0 : observer));
  object.Set("capacity", number(env, row.capacity.load(std::memory_order_relaxed)));
  object.Set("inFlight", number(env, row.in_flight.load(std::memory_order_relaxed)));
  object.Set("heartbeatAgeMs", milliseconds_since(row.heartbeat_ns.load(std::memory_order_relaxed)));
  object.Set("attachedMs", milliseconds_since(row.attached_ns.load(std::memory_order_relaxed)));
  object.Set("asleep", Napi::Boolean::New(env, row.asleep.load(std::memory_order_relaxed) != 0));
  return object;
}

Napi::Array reader_list(Napi::Env env, const LaneRef& lane, uint64_t last) {
  Napi::Array list = Napi::Array::New(env);
  uint32_t count = 0;
  for (uint32_t r = 0; r < lane.reader_count; r++) {
    const ReaderWord& word = lane.control->readers[r];
    const uint64_t owner = word.owner.load(std::memory_order_acquire);
    if (reader_state(owner) != ReaderState::kActive) continue;
    const uint64_t cursor = word.cursor.load(std::memory_order_acquire) & kCursorMask;
    Napi::Object object = Napi::Object::New(env);
    object.Set("worker", number(env, reader_worker(owner)));
    object.Set("cursor", number(env, cursor));
    object.Set("lag", number(env, last > cursor ? last - cursor : 0));
    list[count++] = object;
  }
  return list;
}

std::string lane_name(const PoolGeometry& pool, uint32_t lane) {
  if (lane == kRequestLane) return "request";
  if (lane == kResponseLane) return "response";
  return pool.config.stages[lane - kFirstStageLane];
}

Napi::Object lane_object(Napi::Env env, const Segment& segment, uint32_t stream, uint32_t index) {
  const LaneRef lane = segment.lane_at(stream, index);
  const uint64_t last = lane.control->last.load(std::memory_order_acquire) & kCursorMask;
  const SlotHeader& newest = lane.header(last);
  const bool ended = last > 0 &&
                     newest.seq.load(std::memory_order_acquire) == 2 * last &&
                     (newest.flags.load(std::memory_order_relaxed) & kSlotEnd) != 0;
  uint64_t pins = 0;
  for (uint32_t s = 0; s < lane.slots; s++) {
    pins |= lane.headers[s].pins.load(std::memory_order_relaxed);
  }
  const ClaimOwner owner = claim_owner(lane);
  Napi::Object object = Napi::Object::New(env);
  object.Set("name", Napi::String::New(env, lane_name(segment.pool_of(stream), index)));
  object.Set("last", number(env, last));
  object.Set("slots", number(env, lane.slots));
  object.Set("ended", Napi::Boolean::New(env, ended));
  object.Set("full", Napi::Boolean::New(
                         env, lane.control->writer_parked.load(std::memory_order_relaxed) != 0));
  object.Set("owner", Napi::Number::New(env, owner.worker == kNoIndex ? -1.0 : owner.worker));
  object.Set("orphan", Napi::Boolean::New(env, owner.orphan));
  object.Set("failure", number(env, lane.control->failure.load(std::memory_order_relaxed)));
  object.Set("readers", reader_list(env, lane, last));
  object.Set("pins", Napi::BigInt::New(env, pins & ~kWriterBit));
  return object;
}

Napi::Object stream_object(Napi::Env env, const Segment& segment, uint32_t stream) {
  static const char* const kStates[] = {"free", "opening", "open", "closing"};
  const StreamRow& row = segment.stream(stream);
  const uint64_t state = row.state.load(std::memory_order_acquire);
  Napi::Object object = Napi::Object::New(env);
  object.Set("id", number(env, make_stream_id(state_generation(state), stream)));
  object.Set("pool", number(env, segment.pool_index_of(stream)));
  object.Set("state", kStates[state & 3]);
  object.Set("transport",
             Napi::String::New(env, row.transport, strnlen(row.transport, sizeof row.transport)));
  object.Set("ingress", number(env, row.ingress.load(std::memory_order_relaxed)));
  object.Set("abort", number(env, row.abort.load(std::memory_order_relaxed)));
  object.Set("serial", number(env, row.serial.load(std::memory_order_relaxed)));
  object.Set("openedMs", milliseconds_since(row.opened_ns.load(std::memory_order_relaxed)));
  Napi::Array lanes = Napi::Array::New(env);
  for (uint32_t l = 0; l < segment.pool_of(stream).lanes_per_stream; l++) {
    lanes[l] = lane_object(env, segment, stream, l);
  }
  object.Set("lanes", lanes);
  return object;
}

Napi::Object pool_object(Napi::Env env, const PoolGeometry& pool, uint32_t index) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("index", number(env, index));
  object.Set("name", Napi::String::New(env, pool.config.name));
  object.Set("firstStream", number(env, pool.first_stream));
  object.Set("streams", number(env, pool.config.streams));
  object.Set("slotSize", number(env, pool.config.slot_size));
  object.Set("requestSlots", number(env, pool.config.request_slots));
  object.Set("responseSlots", number(env, pool.config.response_slots));
  object.Set("stageSlots", number(env, pool.config.stage_slots));
  object.Set("readersPerLane", number(env, pool.config.readers_per_lane));
  object.Set("stages", names(env, pool.config.stages));
  return object;
}

uint64_t state_of(const Segment& segment, uint32_t stream) {
  return segment.stream(stream).state.load(std::memory_order_acquire) & 0xFF;
}

}  // namespace

Napi::Object describe_segment(Napi::Env env, const Segment& segment) {
  const SegmentHeader& header = segment.header();
  const Geometry& geometry = segment.geometry();
  Napi::Object object = Napi::Object::New(env);
  object.Set("bootId", Napi::String::New(env, hex(header.boot_uuid, sizeof header.boot_uuid)));
  object.Set("totalBytes", number(env, segment.size()));
  object.Set("abiMajor", number(env, header.abi_major));
  object.Set("abiMinor", number(env, header.abi_minor));
  object.Set("serverPid", number(env, header.server_pid));
  object.Set("maxWorkers", number(env, geometry.worker_count));
  object.Set("streamCount", number(env, geometry.stream_count));
  object.Set("requiredObservers", names(env, geometry.observers));
  Napi::Array pools = Napi::Array::New(env);
  for (uint32_t i = 0; i < geometry.pools.size(); i++) {
    pools[i] = pool_object(env, geometry.pools[i], i);
  }
  object.Set("pools", pools);
  return object;
}

Napi::Value SegmentObject::workers(const Info& info) {
  Napi::Array list = Napi::Array::New(info.Env());
  if (!open()) return list;
  uint32_t count = 0;
  for (uint32_t w = 0; w < segment()->geometry().worker_count; w++) {
    const uint64_t owner = segment()->worker(w).owner.load(std::memory_order_acquire);
    if ((owner & 0xFF) != static_cast<uint64_t>(WorkerState::kAttached)) continue;
    list[count++] = worker_object(info.Env(), *segment(), w);
  }
  return list;
}

Napi::Value SegmentObject::streams(const Info& info) {
  Napi::Array list = Napi::Array::New(info.Env());
  if (!open()) return list;
  uint32_t count = 0;
  for (uint32_t s = 0; s < segment()->geometry().stream_count; s++) {
    if (state_of(*segment(), s) == static_cast<uint64_t>(StreamState::kFree)) continue;
    list[count++] = stream_object(info.Env(), *segment(), s);
  }
  return list;
}

Napi::Value SegmentObject::worker_name(const Info& info) {
  const uint32_t worker = as_u32(info[0]);
  if (!open() || worker >= segment()->geometry().worker_count) {
    return Napi::String::New(info.Env(), "");
  }
  const WorkerRow& row = segment()->worker(worker);
  return Napi::String::New(info.Env(), row.name, strnlen(row.name, sizeof row.name));
}

Napi::Value SegmentObject::set_aside_count(const Info& info) {
  uint32_t count = 0;
  for (uint32_t s = 0; open() && s < segment()->geometry().stream_count; s++) {
    if (state_of(*segment(), s) == static_cast<uint64_t>(StreamState::kClosing)) count++;
  }
  return number(info.Env(), count);
}

}  // namespace ur::node
