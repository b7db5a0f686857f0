#include <algorithm>

#include "core/claim.h"
#include "core/verdict.h"
#include "lane_objects.h"
#include "segment_object.h"

namespace ur::node {

Status SegmentObject::lane_of(const Info& info, LaneRef* lane) const {
  if (!open()) return Status::kDetached;
  return segment()->lane(as_u64(info[0]), as_u32(info[1]), lane);
}

Napi::Value SegmentObject::stream_at(const Info& info) {
  const uint32_t stream = as_u32(info[0]);
  if (!open() || !segment()->has_stream(stream)) return number(info.Env(), 0U);
  const uint64_t state = segment()->stream(stream).state.load(std::memory_order_acquire);
  const bool is = (state & 0xFF) == static_cast<uint64_t>(StreamState::kOpen);
  return number(info.Env(), is ? make_stream_id(state_generation(state), stream) : 0);
}

Napi::Value SegmentObject::is_open(const Info& info) {
  if (!open()) return number(info.Env(), 0U);
  LaneRef lane;
  const Status status = segment()->lane(as_u64(info[0]), kRequestLane, &lane);
  return number(info.Env(), status == Status::kOk && ur::is_open(lane) ? 1U : 0U);
}

Napi::Value SegmentObject::abort_code(const Info& info) {
  if (!open()) return number(info.Env(), 0U);
  LaneRef lane;
  const Status status = segment()->lane(as_u64(info[0]), kRequestLane, &lane);
  if (status != Status::kOk) return number(info.Env(), -code(Status::kStaleStream));
  return number(info.Env(), lane.row->abort.load(std::memory_order_acquire));
}

Napi::Value SegmentObject::transport_of(const Info& info) {
  const uint32_t stream = stream_index(as_u64(info[0]));
  if (!open() || !segment()->has_stream(stream)) return Napi::String::New(info.Env(), "");
  const char* name = segment()->stream(stream).transport;
  return Napi::String::New(info.Env(), name, strnlen(name, sizeof StreamRow::transport));
}

Napi::Value SegmentObject::pool_of(const Info& info) {
  const uint32_t stream = stream_index(as_u64(info[0]));
  if (!open() || !segment()->has_stream(stream)) return Napi::Number::New(info.Env(), -1);
  return number(info.Env(), segment()->pool_index_of(stream));
}

Napi::Value SegmentObject::last_of(const Info& info) {
  LaneRef lane;
  const Status status = lane_of(info, &lane);
  if (status != Status::kOk) return result(info.Env(), status);
  return number(info.Env(), lane.control->last.load(std::memory_order_acquire) & kCursorMask);
}

namespace {

uint32_t count_readers(const LaneRef& lane, uint32_t worker) {
  uint32_t count = 0;
  for (uint32_t r = 0; r < lane.reader_count; r++) {
    const uint64_t owner = lane.control->readers[r].owner.load(std::memory_order_acquire);
    if (reader_state(owner) != ReaderState::kActive) continue;
    if (worker == kNoIndex || reader_worker(owner) == worker) count++;
  }
  return count;
}

}  // namespace

Napi::Value SegmentObject::reader_count(const Info& info) {
  LaneRef lane;
  const Status status = lane_of(info, &lane);
  if (status != Status::kOk) return result(info.Env(), status);
  return number(info.Env(), count_readers(lane, kNoIndex));
}

Napi::Value SegmentObject::readers_of(const Info& info) {
  LaneRef lane;
  const Status status = lane_of(info, &lane);
  if (status != Status::kOk) return result(info.Env(), status);
  return number(info.Env(), count_readers(lane, as_u32(info[2])));
}

Napi::Value SegmentObject::owner_of(const Info& info) {
  LaneRef lane;
  const Status status = lane_of(info, &lane);
  if (status != Status::kOk) return number(info.Env(), code(status) - 100);
  const ClaimOwner owner = claim_owner(lane);
  if (owner.worker == kNoIndex) return Napi::Number::New(info.Env(), -1);
  if (owner.orphan) return Napi::Number::New(info.Env(), -2);
  return number(info.Env(), owner.worker);
}

Napi::Value SegmentObject::failure_of(const Info& info) {
  LaneRef lane;
  const Status status = lane_of(info, &lane);
  if (status != Status::kOk) return result(info.Env(), status);
  const uint32_t failure = lane.control->failure.load(std::memory_order_acquire);
  // A number that no table knows still says that the holder gave up.
  const Status known = failure == 0 ? Status::kOk : status_of_number(failure);
  return number(info.Env(), -code(known == Status::kSegmentCorrupt ? Status::kWorkerFailed : known));
}

Napi::Value SegmentObject::claimant_of(const Info& info) {
  LaneRef lane;
  if (lane_of(info, &lane) != Status::kOk) return Napi::Number::New(info.Env(), -1);
  const uint32_t claimant = lane.control->claimant.load(std::memory_order_relaxed);
  const bool known = claimant != 0 && claimant <= segment()->geometry().worker_count;
  return Napi::Number::New(info.Env(), known ? claimant - 1.0 : -1.0);
}

Napi::Value SegmentObject::is_whole(const Info& info) {
  LaneRef lane;
  const Status status = lane_of(info, &lane);
  return number(info.Env(), status == Status::kOk && ur::is_whole(lane) ? 1U : 0U);
}

Napi::Value SegmentObject::wait_for_streams(const Info& info) {
  if (open() && segment()->self() != kNoIndex) {
    ur::wait_for_streams(*segment(), attachment_->role, info[0].As<Napi::Boolean>());
  }
  return info.Env().Undefined();
}

Napi::Value SegmentObject::list_streams(const Info& info) {
  Napi::Array ids = Napi::Array::New(info.Env());
  if (!open()) return ids;
  uint32_t i = 0;
  for (const uint64_t id : ur::list_streams(*segment(), info[0].As<Napi::Boolean>())) {
    ids[i++] = number(info.Env(), id);
  }
  return ids;
}

Napi::Value SegmentObject::pass_on(const Info& info) {
  if (open() && segment()->self() != kNoIndex) ur::pass_on(*segment(), as_u64(info[0]));
  return info.Env().Undefined();
}

Napi::Value SegmentObject::copy_slot(const Info& info) {
  LaneRef lane;
  Status status = lane_of(info, &lane);
  if (status != Status::kOk) return result(info.Env(), status);
  auto into = info[3].As<Napi::Uint8Array>();
  auto meta = info[4].As<Napi::Uint32Array>();
  if (meta.ElementLength() < 1) return result(info.Env(), Status::kInvalidArgument);
  uint32_t length = 0;
  uint32_t flags = 0;
  const uint32_t room =
      static_cast<uint32_t>(std::min<size_t>(into.ByteLength(), kMaxSlotSize));
  status = ur::copy_slot(lane, as_u64(info[2]), into.Data(), room, &length, &flags);
  if (status != Status::kOk) return result(info.Env(), status);
  meta.Data()[0] = flags;
  return number(info.Env(), length);
}

Napi::Value SegmentObject::watch(const Info& info) {
  if (open() && segment()->self() == kNoIndex) return result(info.Env(), Status::kPermissionDenied);
  LaneRef lane;
  Status status = lane_of(info, &lane);
  if (status != Status::kOk) return result(info.Env(), status);
  status = watch_lane(*segment(), lane, as_u64(info[2]));
  if (status == Status::kEmpty) return number(info.Env(), 1U);
  return result(info.Env(), status);
}

Napi::Value SegmentObject::join(const Info& info) {
  const Napi::Env env = info.Env();
  if (open() && segment()->self() == kNoIndex) return result(env, Status::kPermissionDenied);
  LaneRef lane;
  Status status = lane_of(info, &lane);
  if (status != Status::kOk) return result(env, status);
  LaneReader reader;
  const int64_t from = info[2].As<Napi::Number>().Int64Value();
  status = reader.join(segment(), lane, from);
  if (status != Status::kOk) return result(env, status);
  Napi::Object object = env.GetInstanceData<AddonData>()->reader.New({});
  if (auto* const made = unwrapped<ReaderObject>(object)) made->take(attachment_, reader);
  return object;
}

Napi::Value SegmentObject::keyframe(const Info& info) {
  LaneRef lane;
  const Status status = lane_of(info, &lane);
  return status == Status::kOk ? number(info.Env(), newest_keyframe(lane))
                               : result(info.Env(), status);
}

Napi::Value SegmentObject::writer_for(Napi::Env env, const LaneRef& lane, uint64_t token) {
  LaneWriter writer;
  const Status status = writer.open(segment(), lane, token);
  if (status != Status::kOk) return result(env, status);
  Napi::Object object = env.GetInstanceData<AddonData>()->writer.New({});
  if (auto* const made = unwrapped<WriterObject>(object)) made->take(attachment_, writer);
  return object;
}

Napi::Value SegmentObject::claim(const Info& info) {
  const Napi::Env env = info.Env();
  if (open() && segment()->self() == kNoIndex) return result(env, Status::kPermissionDenied);
  LaneRef lane;
  Status status = lane_of(info, &lane);
  if (status != Status::kOk) return result(env, status);
  if (lane.lane == kRequestLane) return result(env, Status::kInvalidArgument);
  uint64_t token = 0;
  status = claim_lane(segment(), lane, &token);
  if (status != Status::kOk) return result(env, status);
  return writer_for(env, lane, token);
}

Napi::Value SegmentObject::hold_verdict(const Info& info) {
  if (!open() || segment()->self() == kNoIndex) return result(info.Env(), Status::kDetached);
  return result(info.Env(), ur::hold_verdict(segment(), as_u64(info[0]), as_u32(info[1])));
}

Napi::Value SegmentObject::give_verdict(const Info& info) {
  if (!open() || segment()->self() == kNoIndex) return result(info.Env(), Status::kDetached);
  return result(info.Env(),
                ur::give_verdict(segment(), as_u64(info[0]), as_u32(info[1]),
                                 info[2].As<Napi::Boolean>(), as_u32(info[3]),
                                 info[4].As<Napi::String>().Utf8Value()));
}

}  // namespace ur::node
