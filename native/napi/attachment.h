// What one JavaScript NativeSegment owns: the mapping with either the server's side (membership,
// ingress) or a worker's (session), and the doorbell thread. Readers and writers share it; after
// close() nothing touches the mapping any more, borrowers of writers neither.
#pragma once

#include <napi.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "control/membership.h"
#include "control/session.h"
#include "core/ingress.h"
#include "core/segment.h"
#include "end_hook.h"
#include "feed/lane_feed.h"

namespace ur::node {

// Sleeps on the doorbell and wakes the event loop. started, stopped and re-aimed on the JS thread.
class Waker {
 public:
  ~Waker() { stop(); }
  // `connected` and `resuming`: of the session or membership, asked by the thread.
  void start(Napi::Env env, Segment* segment, std::function<bool()> connected,
             std::function<bool()> resuming, Napi::Function fn);
  void stop();
  void set_ref(Napi::Env env, bool ref);

 private:
  void run();
  void notify();

  Segment* segment_ = nullptr;
  std::function<bool()> connected_;
  std::function<bool()> resuming_;
  Napi::ThreadSafeFunction fn_;
  std::thread thread_;
  std::atomic<bool> stopping_{false};
  // A call is in the queue, which may outlive the waker.
  std::shared_ptr<std::atomic<bool>> pending_ = std::make_shared<std::atomic<bool>>(false);
};

struct Attachment {
  // Exactly one of the two sides.
  std::unique_ptr<Membership> membership;
  std::unique_ptr<Session> session;
  std::unique_ptr<Ingress> ingress;  // with a membership
  Segment* segment = nullptr;  // nullptr once closed
  uint32_t role = 0;
  Waker waker;
  std::vector<std::weak_ptr<LaneFeed>> loans;
  EndHook end_hook;

  Attachment() = default;
  ~Attachment() { close(); }
  Attachment(const Attachment&) = delete;
  Attachment& operator=(const Attachment&) = delete;

  bool open() const { return segment != nullptr; }
  // Lets the doorbell thread wake `fn`, and look after the connection, until the environment ends.
  void listen(Napi::Env env, Napi::Function fn);
  // `feed` is over when the attachment is closed.
  void keep_loan(const std::shared_ptr<LaneFeed>& feed);
  void close();
};

// Windows of 2 GiB: an ArrayBuffer of Node 20 has at most 4 GiB, and offsets fit 32 bits. Each is one
// slot longer than its step, so that a slot that begins in a window ends in it.
inline constexpr uint64_t kWindowStep = 1ULL << 31;

inline int64_t code(Status status) { return static_cast<int32_t>(status); }
inline Napi::Value number(Napi::Env env, int64_t value) {
  return Napi::Number::New(env, static_cast<double>(value));
}
inline Napi::Value number(Napi::Env env, uint64_t value) {
  return Napi::Number::New(env, static_cast<double>(value));
}
inline Napi::Value number(Napi::Env env, uint32_t value) { return Napi::Number::New(env, value); }
inline Napi::Value result(Napi::Env env, Status status) { return number(env, code(status)); }
inline uint64_t as_u64(const Napi::Value& value) {
  const double given = value.As<Napi::Number>().DoubleValue();
  return given > 0 ? static_cast<uint64_t>(given) : 0;
}
inline uint32_t as_u32(const Napi::Value& value) {
  return value.As<Napi::Number>().Uint32Value();
}

// While the environment is being torn down nothing can be made, converted or looked into any more: what
// that gives is empty, and of no environment, so that every call of it would end the process. These give
// undefined, false and nullptr.
template <typename Key>
Napi::Value field(const Napi::Object& object, Key key) {
  const Napi::Value value = object.Get(key);
  return value.IsEmpty() ? object.Env().Undefined() : value;
}
inline bool is_true(const Napi::Value& value) {
  return value.IsBoolean() && value.As<Napi::Boolean>().Value();
}
// The native object of one of the addon's classes.
template <typename Class>
Class* unwrapped(const Napi::Value& value) {
  return value.IsEmpty() ? nullptr : Class::Unwrap(value.As<Napi::Object>());
}

// Throws an Error with `number` and the detail as its message.
Napi::Value throw_status(Napi::Env env, Status status, const std::string& detail);
Napi::Error error_of(Napi::Env env, Status status, const std::string& detail);

}  // namespace ur::node
