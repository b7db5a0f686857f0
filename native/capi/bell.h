// How the threads of a worker sleep. One of them, whoever waits, sits on the row's doorbell and tells
// the others whom a ring is for; so a program that waits in one thread is woken without a detour.
// A keeper thread looks after the connection and the heartbeat, and sits on the doorbell itself once
// somebody has asked for a descriptor. Any thread.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <list>
#include <mutex>
#include <thread>

#include "control/session.h"
#include "core/doorbell.h"
#include "deadline.h"
#include "descriptors.h"
#include "places.h"

namespace ur::capi {

class Bell {
 public:
  Bell(Segment* segment, Session* session, Descriptors* descriptors, bool observes,
       uint32_t capacity);
  ~Bell() { stop(); }

  void start();
  // Every wait ends, and the keeper. Idempotent.
  void stop();
  bool stopped() const { return stopped_.load(std::memory_order_acquire); }
  // The server has gone.
  bool lost() const { return lost_.load(std::memory_order_acquire); }

  // Drawn before the look that says that there is nothing; wait() returns at once for what was rung
  // since.
  uint32_t ticket(uint32_t stream);
  // Sleeps until somebody rings for the stream. False: the time is over.
  bool wait(uint32_t stream, uint32_t ticket, const Deadline& deadline);

  // Runs `body` with the places.
  template <typename Body>
  auto with_places(Body body) {
    const std::lock_guard<std::mutex> guard(mutex_);
    return body(places_);
  }
  // Sleeps until there may be a stream to look at, or room for one. False: the time is over.
  bool wait_for_news(uint32_t ticket, const Deadline& deadline);
  uint32_t news_ticket();
  // There may be room for a stream again, or something else for who waits for one.
  void tell_askers();
  // Takes what was rung while nobody slept, and passes on what nobody waits for.
  void sweep();

 private:
  static constexpr uint32_t kNews = UINT32_MAX;  // in the place of a stream

  struct Waiter {
    uint32_t stream;
    std::condition_variable woken;
  };
  using Lock = std::unique_lock<std::mutex>;

  uint32_t count(uint32_t stream) const {
    return stream == kNews ? news_ : places_.rings(stream);
  }
  void sit(Lock* lock, uint64_t timeout_ns);
  void collect(Lock* lock);
  void wake(uint32_t stream);
  void wake_all();
  void keep();
  void look_after(Lock* lock);
  void tell_descriptor();

  Segment* segment_;
  Session* session_;
  Descriptors* descriptors_;
  std::atomic<bool> stopped_{false};
  std::atomic<bool> lost_{false};
  std::mutex mutex_;  // everything below
  Places places_;
  Doorbell doorbell_;  // of who sits
  bool taken_ = false;  // somebody sits
  std::list<Waiter*> waiters_;
  uint32_t news_ = 0;
  bool stop_told_ = false;
  uint64_t checked_ns_ = 0;
  std::thread keeper_;
};

}  // namespace ur::capi
