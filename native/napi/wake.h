// Calls a JavaScript function from a native thread, once until what waits has been taken.
#pragma once

#include <napi.h>

#include <atomic>

namespace ur::node {

class Wake {
 public:
  // JS thread. `name`: for diagnosis.
  Wake(Napi::Env env, const Napi::Function& function, const char* name)
      : function_(Napi::ThreadSafeFunction::New(env, function, name, 0, 1)) {}
  ~Wake() { release(); }
  Wake(const Wake&) = delete;
  Wake& operator=(const Wake&) = delete;

  // Any thread, until release().
  void call() {
    if (function_ != nullptr && !pending_.exchange(true)) function_.NonBlockingCall();
  }
  // JS thread, before it takes what waits: what comes meanwhile calls again.
  void taking() { pending_.store(false); }
  // JS thread, once no other calls any more. Idempotent.
  void release() {
    // It is missing where the environment is being torn down.
    if (released_ || function_ == nullptr) return;
    released_ = true;
    function_.Release();
  }

 private:
  Napi::ThreadSafeFunction function_;
  std::atomic<bool> pending_{false};
  bool released_ = false;
};

}  // namespace ur::node
