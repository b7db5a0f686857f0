// The addon's module: src/native/addon.ts, NativeAddon.
#include <napi.h>
#include <unistd.h>

#include <cmath>

#include "core/hash.h"
#include "core/machine.h"
#include "lane_objects.h"
#include "rtmp_objects.h"
#include "segment_object.h"
#include "srt_object.h"

namespace ur::node {
namespace {

Napi::Value plan(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  SegmentConfig config;
  if (!read_segment_config(info[0].As<Napi::Object>(), &config)) return env.Undefined();
  Geometry geometry;
  std::string detail;
  const Status status = plan_geometry(config, &geometry, &detail);
  if (status != Status::kOk) return throw_status(env, status, detail);
  Napi::Object object = Napi::Object::New(env);
  object.Set("totalBytes", number(env, geometry.total_size));
  object.Set("controlBytes", number(env, geometry.control_size));
  object.Set("dataBytes", number(env, geometry.total_size - geometry.control_size));
  object.Set("startBytes", number(env, geometry.start_size));
  object.Set("availableBytes", number(env, machine_memory().usable()));
  return object;
}

Napi::Value machine(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const MachineMemory memory = machine_memory();
  Napi::Object object = Napi::Object::New(env);
  object.Set("memoryAvailable", number(env, memory.available));
  object.Set("memoryTotal", number(env, memory.total));
  object.Set("cgroupLimit", memory.cgroup_limit == UINT64_MAX
                                ? Napi::Number::New(env, HUGE_VAL)
                                : number(env, memory.cgroup_limit));
  object.Set("cgroupUsed", number(env, memory.cgroup_used));
  object.Set("l2CacheBytes", number(env, static_cast<uint64_t>(machine_l2_bytes())));
  object.Set("l3CacheBytes", number(env, static_cast<uint64_t>(machine_l3_bytes())));
  object.Set("cpus", Napi::Number::New(env, static_cast<double>(sysconf(_SC_NPROCESSORS_ONLN))));
  return object;
}

Napi::Object wrap_ingress(Napi::Env env, std::shared_ptr<Attachment> attachment) {
  attachment->segment = attachment->membership->segment();
  attachment->role = kRoleIngress;
  attachment->ingress = std::make_unique<Ingress>(attachment->segment);
  return SegmentObject::wrap(env, std::move(attachment));
}

Napi::Value create(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const Napi::Object options = info[0].As<Napi::Object>();
  SegmentConfig config;
  if (!read_segment_config(options, &config)) return env.Undefined();
  const Napi::Value socket = field(options, "socket");
  const Napi::Value name = field(options, "name");
  if (!socket.IsString() || !name.IsString()) {
    return throw_status(env, Status::kInvalidArgument, "socket and name must be strings");
  }
  auto attachment = std::make_shared<Attachment>();
  std::string detail;
  attachment->membership = std::make_unique<Membership>();
  const Status status =
      attachment->membership->create(config, socket.As<Napi::String>().Utf8Value(),
                                     name.As<Napi::String>().Utf8Value(), &detail);
  if (status != Status::kOk) return throw_status(env, status, detail);
  return wrap_ingress(env, std::move(attachment));
}

// The handshake blocks, so it runs on a thread of the pool.
class AttachTask : public Napi::AsyncWorker {
 public:
  AttachTask(Napi::Env env, SessionOptions options)
      : AsyncWorker(env),
        deferred_(Napi::Promise::Deferred::New(env)),
        options_(std::move(options)) {
    if ((options_.role & kRoleIngress) != 0) {
      attachment_->membership = std::make_unique<Membership>();
    } else {
      attachment_->session = std::make_unique<Session>();
    }
  }

  Napi::Promise promise() const { return deferred_.Promise(); }

  void Execute() override {
    status_ = attachment_->membership ? attachment_->membership->join(options_, &detail_)
                                      : attachment_->session->attach(options_, &detail_);
  }

  void OnOK() override {
    const Napi::HandleScope scope(Env());
    if (status_ != Status::kOk) {
      deferred_.Reject(error_of(Env(), status_, detail_).Value());
      return;
    }
    if (attachment_->membership) {
      deferred_.Resolve(wrap_ingress(Env(), std::move(attachment_)));
      return;
    }
    attachment_->segment = attachment_->session->segment();
    attachment_->role = options_.role;
    deferred_.Resolve(SegmentObject::wrap(Env(), std::move(attachment_)));
  }

 private:
  Napi::Promise::Deferred deferred_;
  SessionOptions options_;
  std::shared_ptr<Attachment> attachment_ = std::make_shared<Attachment>();
  Status status_ = Status::kOk;
  std::string detail_;
};

Napi::Value attach(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  SessionOptions options;
  if (!read_session_options(info[0].As<Napi::Object>(), &options)) return env.Undefined();
  auto* task = new AttachTask(env, std::move(options));
  const Napi::Promise promise = task->promise();
  task->Queue();
  return promise;
}

Napi::Value xxh3(const Napi::CallbackInfo& info) {
  const auto bytes = info[0].As<Napi::Uint8Array>();
  return Napi::BigInt::New(info.Env(), xxh3_64(bytes.Data(), bytes.ByteLength()));
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  auto* data = new AddonData();
  data->segment = Napi::Persistent(SegmentObject::define(env));
  data->reader = Napi::Persistent(ReaderObject::define(env));
  data->writer = Napi::Persistent(WriterObject::define(env));
  data->feed = Napi::Persistent(FeedObject::define(env));
  env.SetInstanceData(data);
  exports.Set("version", UR_VERSION);
  exports.Set("abiMajor", number(env, kAbiMajor));
  exports.Set("abiMinor", number(env, kAbiMinor));
  exports.Set("plan", Napi::Function::New(env, plan, "plan"));
  exports.Set("machine", Napi::Function::New(env, machine, "machine"));
  exports.Set("create", Napi::Function::New(env, create, "create"));
  exports.Set("attach", Napi::Function::New(env, attach, "attach"));
  exports.Set("xxh3", Napi::Function::New(env, xxh3, "xxh3"));
  define_rtmp(env, exports);
  define_srt(env, exports);
  return exports;
}

}  // namespace
}  // namespace ur::node

static Napi::Object InitUploadResponse(Napi::Env env, Napi::Object exports) {
  return ur::node::init(env, exports);
}

NODE_API_MODULE(upload_response, InitUploadResponse)
