// NativeRtmpReceiver and, on Linux, NativeRtmpEngine of src/native/rtmp.ts. JS thread only.
#pragma once

#include <napi.h>

#include <memory>

#include "rtmp/receiver.h"

namespace ur::node {

class RtmpReceiverObject : public Napi::ObjectWrap<RtmpReceiverObject> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit RtmpReceiverObject(const Napi::CallbackInfo& info);
  ~RtmpReceiverObject() override;
  const std::shared_ptr<RtmpReceiver>& receiver() const { return receiver_; }

 private:
  Napi::Value received(const Napi::CallbackInfo& info);
  Napi::Value push(const Napi::CallbackInfo& info);
  void end_of_input(const Napi::CallbackInfo& info);
  Napi::Value next(const Napi::CallbackInfo& info);
  void go_on(const Napi::CallbackInfo& info);
  void publish(const Napi::CallbackInfo& info);
  void unpublish(const Napi::CallbackInfo& info);
  void lend(const Napi::CallbackInfo& info);
  void stop(const Napi::CallbackInfo& info);
  void acknowledged(const Napi::CallbackInfo& info);
  Napi::Value media(const Napi::CallbackInfo& info);

  std::shared_ptr<RtmpReceiver> receiver_;
};

void define_rtmp(Napi::Env env, Napi::Object exports);
// rtmp_engine_object.cc; nothing where there is no engine.
void define_rtmp_engine(Napi::Env env, Napi::Object exports);

}  // namespace ur::node
