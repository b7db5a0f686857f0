#include <algorithm>

#include "lane_objects.h"

namespace ur::node {

namespace {
constexpr uint32_t kBatch = 64;
}

Napi::Function ReaderObject::define(Napi::Env env) {
  return DefineClass(env, "NativeReader",
                     {InstanceAccessor<&ReaderObject::last>("last"),
                      InstanceAccessor<&ReaderObject::position>("position"),
                      InstanceAccessor<&ReaderObject::cursor>("cursor"),
                      InstanceAccessor<&ReaderObject::gap>("gap"),
                      InstanceMethod<&ReaderObject::tail>("tail"),
                      InstanceMethod<&ReaderObject::ack>("ack"),
                      InstanceMethod<&ReaderObject::pin>("pin"),
                      InstanceMethod<&ReaderObject::unpin>("unpin"),
                      InstanceMethod<&ReaderObject::verify>("verify"),
                      InstanceMethod<&ReaderObject::park>("park"),
                      InstanceMethod<&ReaderObject::leave>("leave")});
}

ReaderObject::ReaderObject(const Napi::CallbackInfo& info) : ObjectWrap(info) {}

ReaderObject::~ReaderObject() {
  if (open()) reader_.leave();
}

void ReaderObject::take(std::shared_ptr<Attachment> attachment, const LaneReader& reader) {
  attachment_ = std::move(attachment);
  reader_ = reader;
}

Napi::Value ReaderObject::last(const Napi::CallbackInfo& info) {
  return number(info.Env(), open() ? reader_.last() : reader_.position());
}

Napi::Value ReaderObject::position(const Napi::CallbackInfo& info) {
  return number(info.Env(), reader_.position());
}

Napi::Value ReaderObject::cursor(const Napi::CallbackInfo& info) {
  return number(info.Env(), reader_.cursor());
}

Napi::Value ReaderObject::gap(const Napi::CallbackInfo& info) {
  return number(info.Env(), reader_.gap());
}

Napi::Value ReaderObject::tail(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!open()) return result(env, Status::kDetached);
  auto out = info[0].As<Napi::Uint32Array>();
  const uint32_t room = static_cast<uint32_t>(std::min<size_t>(out.ElementLength() / 4, kBatch));
  SlotView views[kBatch];
  uint32_t count = 0;
  const Status status = reader_.tail(views, std::min(as_u32(info[1]), room), &count);
  // Slots before the bad one are good: the error comes with the next call.
  if (status != Status::kOk && count == 0) return result(env, status);
  uint32_t* words = out.Data();
  for (uint32_t i = 0; i < count; i++) {
    words[4 * i] = static_cast<uint32_t>(views[i].offset / kWindowStep);
    words[4 * i + 1] = static_cast<uint32_t>(views[i].offset % kWindowStep);
    words[4 * i + 2] = views[i].length;
    words[4 * i + 3] = views[i].flags;
  }
  return number(env, count);
}

Napi::Value ReaderObject::ack(const Napi::CallbackInfo& info) {
  return result(info.Env(), open() ? reader_.ack(as_u64(info[0])) : Status::kDetached);
}

Napi::Value ReaderObject::pin(const Napi::CallbackInfo& info) {
  return result(info.Env(), open() ? reader_.pin(as_u64(info[0])) : Status::kDetached);
}

Napi::Value ReaderObject::unpin(const Napi::CallbackInfo& info) {
  if (!open()) return result(info.Env(), Status::kDetached);
  reader_.unpin(as_u64(info[0]));
  return result(info.Env(), Status::kOk);
}

Napi::Value ReaderObject::verify(const Napi::CallbackInfo& info) {
  return result(info.Env(), open() ? reader_.verify(as_u64(info[0])) : Status::kDetached);
}

Napi::Value ReaderObject::park(const Napi::CallbackInfo& info) {
  const Status status = open() ? reader_.park() : Status::kDetached;
  if (status == Status::kEmpty) return number(info.Env(), 1U);
  return result(info.Env(), status);
}

void ReaderObject::leave(const Napi::CallbackInfo&) {
  if (open()) reader_.leave();
}

}  // namespace ur::node
