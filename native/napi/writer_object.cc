#include "lane_objects.h"
#include "segment_object.h"

namespace ur::node {

Napi::Function WriterObject::define(Napi::Env env) {
  return DefineClass(env, "NativeWriter",
                     {InstanceAccessor<&WriterObject::last>("last"),
                      InstanceAccessor<&WriterObject::slots>("slots"),
                      InstanceAccessor<&WriterObject::slot_size>("slotSize"),
                      InstanceMethod<&WriterObject::append>("append"),
                      InstanceMethod<&WriterObject::flush>("flush"),
                      InstanceMethod<&WriterObject::write>("write"),
                      InstanceMethod<&WriterObject::reserve>("reserve"),
                      InstanceMethod<&WriterObject::commit>("commit"),
                      InstanceMethod<&WriterObject::begin_keyframe>("beginKeyframe"),
                      InstanceMethod<&WriterObject::end>("end"),
                      InstanceMethod<&WriterObject::park>("park"),
                      InstanceMethod<&WriterObject::blockers>("blockers"),
                      InstanceMethod<&WriterObject::fail>("fail"),
                      InstanceMethod<&WriterObject::release>("release"),
                      InstanceMethod<&WriterObject::lend>("lend"),
                      InstanceMethod<&WriterObject::take_back>("takeBack")});
}

WriterObject::WriterObject(const Napi::CallbackInfo& info) : ObjectWrap(info) {}

WriterObject::~WriterObject() {
  end_loan();
  if (!open() || !writer_.is_open()) return;
  // Dropped without release: whoever waits for this lane must not wait for ever.
  Status ignored = Status::kOk;
  if (writer_.token() != 0 && !writer_.ended()) ignored = writer_.fail(Status::kWorkerFailed);
  ignored = writer_.release();
  (void)ignored;
}

void WriterObject::take(std::shared_ptr<Attachment> attachment, const LaneWriter& writer) {
  attachment_ = std::move(attachment);
  writer_ = writer;
}

Napi::Value WriterObject::last(const Napi::CallbackInfo& info) {
  return number(info.Env(), writer_.last());
}

Napi::Value WriterObject::slots(const Napi::CallbackInfo& info) {
  return number(info.Env(), writer_.lane().slots);
}

Napi::Value WriterObject::slot_size(const Napi::CallbackInfo& info) {
  return number(info.Env(), writer_.lane().slot_size);
}

namespace {

// Below this the garbage collector is quicker.
constexpr size_t kLeastFreedBytes = 4096;

// Frees the memory behind `bytes` now instead of at the next garbage collection, if they are all of it.
void free_memory(Napi::Env env, const Napi::Uint8Array& bytes) {
  Napi::ArrayBuffer buffer = bytes.ArrayBuffer();
  if (bytes.ByteLength() < kLeastFreedBytes || bytes.ByteLength() != buffer.ByteLength()) return;
  // What cannot be detached is left to the collector.
  napi_detach_arraybuffer(env, buffer);
}

}  // namespace

Napi::Value WriterObject::append(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!open()) return result(env, Status::kDetached);
  const auto bytes = info[0].As<Napi::Uint8Array>();
  const uint64_t length = bytes.ByteLength();
  const uint64_t start = as_u64(info[1]);
  if (start > length) return result(env, Status::kInvalidArgument);
  uint64_t taken = 0;
  const Status status = writer_.append(bytes.Data() + start, length - start, &taken);
  if (start + taken == length && is_true(info[2])) free_memory(env, bytes);
  return status != Status::kOk && taken == 0 ? result(env, status) : number(env, taken);
}

Napi::Value WriterObject::flush(const Napi::CallbackInfo& info) {
  return result(info.Env(), open() ? writer_.flush() : Status::kDetached);
}

Napi::Value WriterObject::write(const Napi::CallbackInfo& info) {
  if (!open()) return result(info.Env(), Status::kDetached);
  const auto bytes = info[0].As<Napi::Uint8Array>();
  if (bytes.ByteLength() > kMaxSlotSize) return result(info.Env(), Status::kSlotTooLarge);
  return result(info.Env(), writer_.write(bytes.Data(), static_cast<uint32_t>(bytes.ByteLength()),
                                          as_u32(info[1])));
}

Napi::Value WriterObject::reserve(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!open()) return result(env, Status::kDetached);
  auto at = info[0].As<Napi::Uint32Array>();
  if (at.ElementLength() < 3) return result(env, Status::kInvalidArgument);
  uint8_t* data = nullptr;
  const Status status = writer_.reserve(&data);
  if (status != Status::kOk) return result(env, status);
  const uint64_t offset = static_cast<uint64_t>(data - attachment_->segment->base());
  at.Data()[0] = static_cast<uint32_t>(offset / kWindowStep);
  at.Data()[1] = static_cast<uint32_t>(offset % kWindowStep);
  at.Data()[2] = writer_.lane().slot_size;
  return result(env, Status::kOk);
}

Napi::Value WriterObject::commit(const Napi::CallbackInfo& info) {
  return result(info.Env(), open() ? writer_.commit(as_u32(info[0]), as_u32(info[1]))
                                   : Status::kDetached);
}

Napi::Value WriterObject::begin_keyframe(const Napi::CallbackInfo& info) {
  if (!open()) return result(info.Env(), Status::kDetached);
  if (!info[0].IsTypedArray()) return result(info.Env(), writer_.begin_keyframe(nullptr, 0));
  const auto head = info[0].As<Napi::Uint8Array>();
  if (head.ByteLength() > kMaxSlotSize) return result(info.Env(), Status::kSlotTooLarge);
  return result(info.Env(), writer_.begin_keyframe(head.Data(),
                                                   static_cast<uint32_t>(head.ByteLength())));
}

Napi::Value WriterObject::end(const Napi::CallbackInfo& info) {
  return result(info.Env(), open() ? writer_.end() : Status::kDetached);
}

Napi::Value WriterObject::park(const Napi::CallbackInfo& info) {
  const Status status = open() ? writer_.park() : Status::kDetached;
  if (status == Status::kFull) return number(info.Env(), 1U);
  return result(info.Env(), status);
}

Napi::Value WriterObject::blockers(const Napi::CallbackInfo& info) {
  return Napi::BigInt::New(info.Env(), open() ? writer_.blockers() : uint64_t{0});
}

Napi::Value WriterObject::fail(const Napi::CallbackInfo& info) {
  if (!open()) return result(info.Env(), Status::kDetached);
  return result(info.Env(), writer_.fail(status_of_number(as_u32(info[0]))));
}

Napi::Value WriterObject::release(const Napi::CallbackInfo& info) {
  return result(info.Env(), open() ? writer_.release() : Status::kOk);
}

// (head, limit): NativeLaneFeed
Napi::Value WriterObject::lend(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!open()) return throw_status(env, Status::kDetached, "lend");
  std::vector<uint8_t> head;
  if (info[0].IsTypedArray()) {
    const auto bytes = info[0].As<Napi::Uint8Array>();
    if (bytes.ByteLength() > writer_.lane().slot_size) {
      return throw_status(env, Status::kSlotTooLarge, "the head");
    }
    head.assign(bytes.Data(), bytes.Data() + bytes.ByteLength());
  }
  lent_ = std::make_shared<LaneFeed>(writer_, std::move(head), as_u64(info[1]));
  attachment_->keep_loan(lent_);
  Napi::Object object = env.GetInstanceData<AddonData>()->feed.New({});
  if (auto* const made = unwrapped<FeedObject>(object)) made->take(lent_);
  return object;
}

void WriterObject::take_back(const Napi::CallbackInfo& /*info*/) { end_loan(); }

void WriterObject::end_loan() {
  // Where the mapping has gone the loan is over, and nothing of the writer is touched any more.
  if (lent_) (void)lent_->take_back(&writer_);
  lent_.reset();
}

Napi::Function FeedObject::define(Napi::Env env) {
  return DefineClass(env, "NativeLaneFeed",
                     {InstanceAccessor<&FeedObject::bytes>("bytes"),
                      InstanceAccessor<&FeedObject::last>("last"),
                      InstanceMethod<&FeedObject::drain>("drain"),
                      InstanceMethod<&FeedObject::park>("park"),
                      InstanceMethod<&FeedObject::blockers>("blockers")});
}

Napi::Value FeedObject::bytes(const Napi::CallbackInfo& info) {
  return number(info.Env(), feed_->bytes());
}

Napi::Value FeedObject::last(const Napi::CallbackInfo& info) {
  return number(info.Env(), feed_->last());
}

Napi::Value FeedObject::drain(const Napi::CallbackInfo& info) {
  const Status status = feed_->drain();
  if (status == Status::kFull) return number(info.Env(), 1U);
  return result(info.Env(), status);
}

Napi::Value FeedObject::park(const Napi::CallbackInfo& info) {
  const Status status = feed_->park();
  if (status == Status::kFull) return number(info.Env(), 1U);
  return result(info.Env(), status);
}

Napi::Value FeedObject::blockers(const Napi::CallbackInfo& info) {
  return Napi::BigInt::New(info.Env(), feed_->blockers());
}

}  // namespace ur::node
