#include "core/claim.h"
#include "core/verdict.h"
#include "lane_objects.h"
#include "segment_object.h"

namespace ur::node {

Status SegmentObject::ingress_ready() const {
  if (!open()) return Status::kDetached;
  return attachment_->ingress ? Status::kOk : Status::kPermissionDenied;
}

Napi::Value SegmentObject::open_stream(const Info& info) {
  Status status = ingress_ready();
  uint64_t id = 0;
  if (status == Status::kOk) {
    status = attachment_->ingress->open(as_u32(info[0]), info[1].As<Napi::String>().Utf8Value(),
                                        &id);
  }
  return status == Status::kOk ? number(info.Env(), id) : result(info.Env(), status);
}

Napi::Value SegmentObject::request_writer(const Info& info) {
  Status status = ingress_ready();
  LaneRef lane;
  if (status == Status::kOk) status = segment()->lane(as_u64(info[0]), kRequestLane, &lane);
  if (status != Status::kOk) return result(info.Env(), status);
  return writer_for(info.Env(), lane, 0);
}

Napi::Value SegmentObject::announce(const Info& info) {
  if (ingress_ready() == Status::kOk) attachment_->ingress->announce(as_u64(info[0]));
  return info.Env().Undefined();
}

Napi::Value SegmentObject::announce_all(const Info& info) {
  if (ingress_ready() == Status::kOk) attachment_->ingress->announce_all(as_u64(info[0]));
  return info.Env().Undefined();
}

Napi::Value SegmentObject::abort(const Info& info) {
  Status status = ingress_ready();
  if (status == Status::kOk) {
    status = attachment_->ingress->abort(as_u64(info[0]), status_of_number(as_u32(info[1])));
  }
  return result(info.Env(), status);
}

Napi::Value SegmentObject::close_stream(const Info& info) {
  Status status = ingress_ready();
  if (status == Status::kOk) status = attachment_->ingress->close(as_u64(info[0]));
  return result(info.Env(), status);
}

Napi::Value SegmentObject::reclaim(const Info& info) {
  Status status = ingress_ready();
  if (status == Status::kOk) status = attachment_->ingress->reclaim(as_u64(info[0]));
  return result(info.Env(), status);
}

Napi::Value SegmentObject::requeue(const Info& info) {
  Status status = ingress_ready();
  LaneRef lane;
  if (status == Status::kOk) status = segment()->lane(as_u64(info[0]), kResponseLane, &lane);
  if (status == Status::kOk) status = requeue_lane(segment(), lane);
  return result(info.Env(), status);
}

Napi::Value SegmentObject::verdicts(const Info& info) {
  static const char* const kStates[] = {"pending", "held", "passed", "vetoed"};
  const Napi::Env env = info.Env();
  Napi::Array list = Napi::Array::New(env);
  if (!open()) return list;
  const uint32_t stream = stream_index(as_u64(info[0]));
  if (!segment()->has_stream(stream)) return list;
  for (uint32_t i = 0; i < segment()->geometry().observers.size(); i++) {
    const VerdictView view = read_verdict(*segment(), stream, i);
    Napi::Object object = Napi::Object::New(env);
    object.Set("state", kStates[static_cast<uint64_t>(view.state) & 3]);
    object.Set("orphaned",
               Napi::Boolean::New(env, view.attempt > 0 && view.state == VerdictState::kPending));
    object.Set("status", number(env, view.status));
    object.Set("reason", Napi::String::New(env, view.reason));
    list[i] = object;
  }
  return list;
}

Napi::Value SegmentObject::evict(const Info& info) {
  Status status = ingress_ready();
  LaneRef lane;
  if (status == Status::kOk) status = lane_of(info, &lane);
  if (status != Status::kOk) return result(info.Env(), status);
  return number(info.Env(), attachment_->ingress->evict(lane, as_u32(info[2])));
}

Napi::Value SegmentObject::kill(const Info& info) {
  Status status = ingress_ready();
  if (status == Status::kOk) status = attachment_->membership->kill(as_u32(info[0]));
  return result(info.Env(), status);
}

namespace {

Napi::Object event_object(Napi::Env env, const ArbiterEvent& event) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("pid", number(env, event.pid));
  if (event.kind == ArbiterEvent::Kind::kRefused) {
    object.Set("type", "refused");
    object.Set("code", number(env, -code(event.status)));
    object.Set("detail", Napi::String::New(env, event.detail));
    return object;
  }
  object.Set("worker", number(env, event.worker));
  if (event.kind == ArbiterEvent::Kind::kArbiter) {
    object.Set("type", "arbiter");
    return object;
  }
  object.Set("name", Napi::String::New(env, event.name));
  object.Set("ingress", Napi::Boolean::New(env, event.ingress));
  object.Set("type", event.kind == ArbiterEvent::Kind::kDead      ? "dead"
                     : event.kind == ArbiterEvent::Kind::kResumed ? "resumed"
                                                                  : "attached");
  if (event.kind == ArbiterEvent::Kind::kDead) {
    object.Set("tornSlots", number(env, event.recovery.torn_slots));
    object.Set("claims", number(env, event.recovery.claims));
    object.Set("readers", number(env, event.recovery.readers));
    object.Set("pins", number(env, event.recovery.pins));
    object.Set("recoveryNs", number(env, event.recovery.duration_ns));
    Napi::Array streams = Napi::Array::New(env);
    for (uint32_t i = 0; i < event.recovery.streams.size(); i++) {
      streams[i] = number(env, event.recovery.streams[i]);
    }
    object.Set("streams", streams);
  }
  return object;
}

}  // namespace

Napi::Value SegmentObject::take_events(const Info& info) {
  Napi::Array list = Napi::Array::New(info.Env());
  if (ingress_ready() != Status::kOk) return list;
  uint32_t i = 0;
  for (const ArbiterEvent& event : attachment_->membership->take_events()) {
    list[i++] = event_object(info.Env(), event);
  }
  return list;
}

}  // namespace ur::node
