#include "rtmp_objects.h"

#ifdef UR_RTMP_ENGINE

#include <string>

#include "attachment.h"
#include "end_hook.h"
#include "rtmp/engine/engine.h"
#include "wake.h"

namespace ur::node {
namespace {

class RtmpEngineObject : public Napi::ObjectWrap<RtmpEngineObject> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "NativeRtmpEngine",
                       {InstanceMethod<&RtmpEngineObject::adopt>("adopt"),
                        InstanceMethod<&RtmpEngineObject::take_ready>("takeReady"),
                        InstanceMethod<&RtmpEngineObject::go_on>("goOn"),
                        InstanceMethod<&RtmpEngineObject::send>("send"),
                        InstanceMethod<&RtmpEngineObject::end_socket>("end"),
                        InstanceMethod<&RtmpEngineObject::close_socket>("closeSocket"),
                        InstanceMethod<&RtmpEngineObject::close>("close")});
  }

  explicit RtmpEngineObject(const Napi::CallbackInfo& info)
      : ObjectWrap(info),
        wake_(info.Env(), info[0].As<Napi::Function>(), "upload-response rtmp") {
    std::string detail;
    if (!engine_.start([this] { wake_.call(); }, &detail)) {
      wake_.release();
      throw_status(info.Env(), Status::kSystem, detail);
      return;
    }
    open_ = true;
    end_hook_.set(info.Env(), [this] { end(); });
  }

  ~RtmpEngineObject() override { end(); }

 private:
  // (fd, receiver): number of the socket, or 0
  Napi::Value adopt(const Napi::CallbackInfo& info) {
    auto* const given = unwrapped<RtmpReceiverObject>(info[1]);
    if (given == nullptr) return number(info.Env(), 0U);
    return number(info.Env(), engine_.adopt(info[0].As<Napi::Number>().Int32Value(),
                                            given->receiver()));
  }

  Napi::Value take_ready(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    wake_.taking();
    Napi::Array list = Napi::Array::New(env);
    for (const uint32_t socket : engine_.take_ready()) {
      list.Set(list.Length(), number(env, socket));
    }
    return list;
  }

  void go_on(const Napi::CallbackInfo& info) { engine_.go_on(as_u32(info[0])); }

  void send(const Napi::CallbackInfo& info) {
    const auto bytes = info[1].As<Napi::Uint8Array>();
    engine_.send(as_u32(info[0]), {bytes.Data(), bytes.Data() + bytes.ByteLength()});
  }

  void end_socket(const Napi::CallbackInfo& info) { engine_.end(as_u32(info[0])); }
  void close_socket(const Napi::CallbackInfo& info) { engine_.close_socket(as_u32(info[0])); }
  void close(const Napi::CallbackInfo& /*info*/) { end(); }

  void end() {
    if (!open_) return;
    open_ = false;
    end_hook_.remove();
    engine_.close();
    wake_.release();
  }

  Wake wake_;
  bool open_ = false;
  RtmpEngine engine_;
  EndHook end_hook_;
};

}  // namespace

void define_rtmp_engine(Napi::Env env, Napi::Object exports) {
  exports.Set("RtmpEngine", RtmpEngineObject::define(env));
}

}  // namespace ur::node

#else

namespace ur::node {

void define_rtmp_engine(Napi::Env /*env*/, Napi::Object /*exports*/) {}

}  // namespace ur::node

#endif
