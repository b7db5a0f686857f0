#include "attachment.h"

#include "core/clock.h"
#include "core/doorbell.h"

namespace ur::node {

void Waker::start(Napi::Env env, Segment* segment, const Session* session, Napi::Function fn) {
  stop();
  segment_ = segment;
  session_ = session;
  stopping_ = false;
  fn_ = Napi::ThreadSafeFunction::New(env, fn, "upload-response doorbell", 0, 1);
  thread_ = std::thread([this] { run(); });
}

void Waker::stop() {
  if (!thread_.joinable()) return;
  stopping_ = true;
  ring_plain(*segment_, segment_->self());
  thread_.join();
  fn_.Release();
}

void Waker::set_ref(Napi::Env env, bool ref) {
  if (!thread_.joinable()) return;
  if (ref) {
    fn_.Ref(env);
  } else {
    fn_.Unref(env);
  }
}

void Waker::run() {
  Doorbell doorbell(*segment_, segment_->self());
  WorkerRow& row = segment_->worker(segment_->self());
  bool connected = true;
  while (!stopping_) {
    const bool rung = doorbell.wait(kLongestSleepNs);
    row.heartbeat_ns.store(monotonic_ns(), std::memory_order_relaxed);
    const bool lost = connected && session_ != nullptr && !session_->connected();
    if (lost) connected = false;
    if ((rung || lost) && !stopping_) notify();
  }
}

void Waker::notify() {
  // One call in the queue is enough: it takes every signal that has been set until it runs.
  if (pending_.exchange(true)) return;
  const napi_status status =
      fn_.NonBlockingCall(this, [](Napi::Env env, Napi::Function fn, Waker* waker) {
        // A read-modify-write: what the doorbell thread saw before it found this call pending is
        // visible to it.
        waker->pending_.exchange(false);
        if (env != nullptr && fn != nullptr) fn.Call({});
      });
  if (status != napi_ok) pending_ = false;
}

void Attachment::close() {
  if (segment == nullptr) return;
  waker.stop();
  segment = nullptr;
  ingress.reset();
  arbiter.reset();
  session.reset();
  created.reset();
}

Napi::Error error_of(Napi::Env env, Status status, const std::string& detail) {
  Napi::Error error = Napi::Error::New(env, detail);
  error.Set("number", Napi::Number::New(env, -static_cast<int32_t>(status)));
  return error;
}

Napi::Value throw_status(Napi::Env env, Status status, const std::string& detail) {
  error_of(env, status, detail).ThrowAsJavaScriptException();
  return env.Undefined();
}

}  // namespace ur::node
