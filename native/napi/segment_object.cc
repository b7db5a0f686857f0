#include "segment_object.h"

#include <algorithm>

#include "core/clock.h"
#include "core/doorbell.h"
#include "lane_objects.h"

namespace ur::node {

#define METHOD(name, js) InstanceMethod<&SegmentObject::name>(js)

Napi::Function SegmentObject::define(Napi::Env env) {
  return DefineClass(
      env, "NativeSegment",
      {InstanceAccessor<&SegmentObject::worker>("worker"),
       InstanceAccessor<&SegmentObject::windows>("windows"),
       METHOD(describe, "describe"),
       METHOD(on_wake, "onWake"),
       METHOD(take_signals, "takeSignals"),
       METHOD(connected, "connected"),
       METHOD(set_ref, "setRef"),
       METHOD(heartbeat, "heartbeat"),
       METHOD(arbiter, "arbiter"),
       METHOD(close, "close"),
       METHOD(stream_at, "streamAt"),
       METHOD(is_open, "isOpen"),
       METHOD(abort_code, "abortCode"),
       METHOD(transport_of, "transportOf"),
       METHOD(pool_of, "poolOf"),
       METHOD(last_of, "lastOf"),
       METHOD(reader_count, "readerCount"),
       METHOD(readers_of, "readersOf"),
       METHOD(owner_of, "ownerOf"),
       METHOD(failure_of, "failureOf"),
       METHOD(claimant_of, "claimantOf"),
       METHOD(is_whole, "isWhole"),
       METHOD(wait_for_streams, "waitForStreams"),
       METHOD(list_streams, "listStreams"),
       METHOD(pass_on, "passOn"),
       METHOD(copy_slot, "copySlot"),
       METHOD(watch, "watch"),
       METHOD(join, "join"),
       METHOD(keyframe, "keyframe"),
       METHOD(claim, "claim"),
       METHOD(hold_verdict, "holdVerdict"),
       METHOD(give_verdict, "giveVerdict"),
       METHOD(open_stream, "openStream"),
       METHOD(request_writer, "requestWriter"),
       METHOD(announce, "announce"),
       METHOD(announce_all, "announceAll"),
       METHOD(abort, "abort"),
       METHOD(close_stream, "closeStream"),
       METHOD(reclaim, "reclaim"),
       METHOD(requeue, "requeue"),
       METHOD(verdicts, "verdicts"),
       METHOD(evict, "evict"),
       METHOD(kill, "kill"),
       METHOD(take_events, "takeEvents"),
       METHOD(workers, "workers"),
       METHOD(streams, "streams"),
       METHOD(worker_name, "workerName"),
       METHOD(set_aside_count, "setAsideCount")});
}

#undef METHOD

Napi::Object SegmentObject::wrap(Napi::Env env, std::shared_ptr<Attachment> attachment) {
  Napi::Object object = env.GetInstanceData<AddonData>()->segment.New({});
  SegmentObject* const self = unwrapped<SegmentObject>(object);
  if (self == nullptr) return object;
  self->attachment_ = std::move(attachment);
  self->make_windows(env);
  return object;
}

SegmentObject::SegmentObject(const Napi::CallbackInfo& info) : ObjectWrap(info) {}

SegmentObject::~SegmentObject() = default;

void SegmentObject::make_windows(Napi::Env env) {
  Napi::Array windows = Napi::Array::New(env);
  for (uint64_t begin = 0; begin < segment()->size(); begin += kWindowStep) {
    const uint64_t length = std::min(segment()->size() - begin, kWindowStep + kMaxSlotSize);
    windows[static_cast<uint32_t>(begin / kWindowStep)] = Napi::ArrayBuffer::New(
        env, segment()->base() + begin, length, [held = attachment_](Napi::Env, void*) {});
  }
  windows_ = Napi::Persistent(windows);
}

Napi::Value SegmentObject::worker(const Info& info) {
  if (!open() || segment()->self() == kNoIndex) return Napi::Number::New(info.Env(), -1);
  return number(info.Env(), segment()->self());
}

Napi::Value SegmentObject::windows(const Info&) { return windows_.Value(); }

Napi::Value SegmentObject::describe(const Info& info) {
  if (!open()) return throw_status(info.Env(), Status::kDetached, "describe");
  return describe_segment(info.Env(), *segment());
}

Napi::Value SegmentObject::on_wake(const Info& info) {
  if (!open()) return throw_status(info.Env(), Status::kDetached, "onWake");
  if (segment()->self() != kNoIndex) {
    attachment_->listen(info.Env(), info[0].As<Napi::Function>());
  }
  return info.Env().Undefined();
}

Napi::Value SegmentObject::take_signals(const Info& info) {
  if (!open() || segment()->self() == kNoIndex) return number(info.Env(), 0U);
  auto out = info[0].As<Napi::Uint32Array>();
  return number(info.Env(), ur::take_signals(*segment(), segment()->self(), out.Data(),
                                             static_cast<uint32_t>(out.ElementLength())));
}

Napi::Value SegmentObject::connected(const Info& info) {
  const bool is = open() && (attachment_->session ? attachment_->session->connected()
                                                  : !attachment_->membership->lost());
  return Napi::Boolean::New(info.Env(), is);
}

Napi::Value SegmentObject::set_ref(const Info& info) {
  if (open()) attachment_->waker.set_ref(info.Env(), info[0].As<Napi::Boolean>());
  return info.Env().Undefined();
}

Napi::Value SegmentObject::arbiter(const Info& info) {
  if (!open()) return Napi::Number::New(info.Env(), -1);
  return number(info.Env(), segment()->header().arbiter.load(std::memory_order_relaxed));
}

Napi::Value SegmentObject::heartbeat(const Info& info) {
  if (!open() || segment()->self() == kNoIndex) return info.Env().Undefined();
  WorkerRow& row = segment()->worker(segment()->self());
  row.capacity.store(as_u32(info[0]), std::memory_order_relaxed);
  row.in_flight.store(as_u32(info[1]), std::memory_order_relaxed);
  row.heartbeat_ns.store(monotonic_ns(), std::memory_order_relaxed);
  return info.Env().Undefined();
}

Napi::Value SegmentObject::close(const Info& info) {
  if (open()) shut();
  return info.Env().Undefined();
}

void SegmentObject::shut() {
  // Views become empty before the memory goes: a late access reads nothing instead of crashing.
  Napi::Array windows = windows_.Value();
  for (uint32_t i = 0; i < windows.Length(); i++) {
    field(windows, i).As<Napi::ArrayBuffer>().Detach();
  }
  attachment_->close();
}

}  // namespace ur::node
