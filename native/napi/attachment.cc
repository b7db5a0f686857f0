#include "attachment.h"

#include "core/clock.h"
#include "core/doorbell.h"

namespace ur::node {

namespace {

constexpr uint64_t kResumeStepNs = 10'000'000;  // how often a lost connection is tried again
constexpr uint64_t kConnectionCheckNs = 10'000'000;

}  // namespace

void Waker::start(Napi::Env env, Segment* segment, std::function<bool()> connected,
                  std::function<bool()> resuming, Napi::Function fn) {
  stop();
  segment_ = segment;
  connected_ = std::move(connected);
  resuming_ = std::move(resuming);
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
  uint64_t checked_ns = 0;
  while (!stopping_) {
    const bool rung = doorbell.wait(resuming_() ? kResumeStepNs : kLongestSleepNs);
    const uint64_t now = monotonic_ns();
    row.heartbeat_ns.store(now, std::memory_order_relaxed);
    bool lost = false;
    if (connected && now - checked_ns >= kConnectionCheckNs) {
      checked_ns = now;
      lost = !connected_();
    }
    if (lost) connected = false;
    if ((rung || lost) && !stopping_) notify();
  }
}

void Waker::notify() {
  // One call in the queue is enough: it takes every signal that has been set until it runs.
  if (pending_->exchange(true)) return;
  const napi_status status =
      fn_.NonBlockingCall([pending = pending_](Napi::Env env, Napi::Function fn) {
        // A read-modify-write: what the doorbell thread saw before it found this call pending is
        // visible to it.
        pending->exchange(false);
        if (env != nullptr && fn != nullptr) fn.Call({});
      });
  if (status != napi_ok) *pending_ = false;
}

void Attachment::listen(Napi::Env env, Napi::Function fn) {
  if (membership != nullptr) {
    waker.start(
        env, segment, [this] { return membership->connected(); },
        [this] { return membership->resuming(); }, fn);
  } else {
    waker.start(
        env, segment, [this] { return session->connected(); },
        [this] { return session->resuming(); }, fn);
  }
  end_hook.set(env, [this] { close(); });
}

void Attachment::keep_loan(const std::shared_ptr<LaneFeed>& feed) {
  std::erase_if(loans, [](const auto& loan) { return loan.expired(); });
  loans.push_back(feed);
}

void Attachment::close() {
  if (segment == nullptr) return;
  end_hook.remove();
  waker.stop();
  for (const auto& loan : loans) {
    if (const auto feed = loan.lock()) feed->revoke();
  }
  loans.clear();
  segment = nullptr;
  ingress.reset();
  membership.reset();
  session.reset();
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
