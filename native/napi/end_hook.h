// Ends what native threads work for when its environment ends (process.exit in the main thread does not;
// a worker thread's end does), before the JavaScript functions that they call are torn down: hooks run
// last added first, so it has to be set after the functions were made. JS thread only.
#pragma once

#include <napi.h>

#include <functional>
#include <utility>

namespace ur::node {

class EndHook {
 public:
  EndHook() = default;
  ~EndHook() { remove(); }
  EndHook(const EndHook&) = delete;
  EndHook& operator=(const EndHook&) = delete;

  // `end` is called once at most, and not after remove().
  void set(Napi::Env env, std::function<void()> end) {
    remove();
    end_ = std::move(end);
    if (napi_add_env_cleanup_hook(env, run, this) == napi_ok) env_ = env;
  }
  // Idempotent.
  void remove() {
    if (env_ != nullptr) napi_remove_env_cleanup_hook(env_, run, this);
    env_ = nullptr;
  }

 private:
  static void run(void* data) {
    auto* const self = static_cast<EndHook*>(data);
    self->env_ = nullptr;
    self->end_();
  }

  napi_env env_ = nullptr;  // nullptr: it is not set
  std::function<void()> end_;
};

}  // namespace ur::node
