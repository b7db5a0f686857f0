#include "bell.h"

#include <chrono>

namespace ur::capi {
namespace {

constexpr uint64_t kResumeStepNs = 10'000'000;  // how often a lost connection is tried again
constexpr uint64_t kLongestWaitNs = 60'000'000'000;  // of who does not sit; bounds a number only
constexpr uint32_t kBatch = 64;

std::chrono::nanoseconds nanoseconds(uint64_t count) {
  return std::chrono::nanoseconds(static_cast<int64_t>(count));
}

}  // namespace

Bell::Bell(Segment* segment, Session* session, Descriptors* descriptors, bool observes,
           uint32_t capacity)
    : segment_(segment),
      session_(session),
      descriptors_(descriptors),
      places_(segment, observes, capacity),
      doorbell_(*segment, segment->self()) {}

void Bell::start() {
  keeper_ = std::thread([this] { keep(); });
}

void Bell::stop() {
  {
    const std::lock_guard<std::mutex> guard(mutex_);
    if (stopped_) return;
    stopped_ = true;
    places_.retire();
    wake_all();
  }
  descriptors_->nudge();
  if (keeper_.joinable()) keeper_.join();
  tell_descriptor();
}

uint32_t Bell::ticket(uint32_t stream) {
  const std::lock_guard<std::mutex> guard(mutex_);
  return count(stream);
}

uint32_t Bell::news_ticket() { return ticket(kNews); }

bool Bell::wait_for_news(uint32_t ticket, const Deadline& deadline) {
  return wait(kNews, ticket, deadline);
}

bool Bell::wait(uint32_t stream, uint32_t ticket, const Deadline& deadline) {
  Waiter self{stream, {}};
  Lock lock(mutex_);
  const auto place = waiters_.insert(waiters_.end(), &self);
  while (count(stream) == ticket && !stopped_ && !lost_ && !deadline.passed()) {
    if (!taken_ && !descriptors_->is_shown()) {
      sit(&lock, deadline.left_ns(kLongestSleepNs));
      // Somebody has asked for the descriptor meanwhile: from now on the keeper sits.
      if (descriptors_->is_shown()) descriptors_->nudge();
    } else {
      self.woken.wait_for(lock, nanoseconds(deadline.left_ns(kLongestWaitNs)));
    }
  }
  waiters_.erase(place);
  // Somebody must sit as long as anybody waits.
  if (!taken_ && !waiters_.empty()) waiters_.front()->woken.notify_one();
  return count(stream) != ticket || stopped_ || lost_;
}

// The lock is not held while this thread sleeps.
void Bell::sit(Lock* lock, uint64_t timeout_ns) {
  taken_ = true;
  lock->unlock();
  doorbell_.wait(timeout_ns);
  lock->lock();
  taken_ = false;
  collect(lock);
}

void Bell::collect(Lock*) {
  uint32_t streams[kBatch];
  uint32_t found = 0;
  bool own = false;
  places_.set_listing(descriptors_->is_shown());
  do {
    found = take_signals(*segment_, segment_->self(), streams, kBatch);
    for (uint32_t i = 0; i < found; i++) {
      const bool news = places_.rung(streams[i]);
      wake(streams[i]);
      own = own || news;
      if (!news) continue;
      news_++;
      wake(kNews);
    }
  } while (found == kBatch);
  if (own || places_.has_rung()) tell_descriptor();
}

void Bell::wake(uint32_t stream) {
  for (Waiter* waiter : waiters_) {
    if (waiter->stream == stream) waiter->woken.notify_one();
  }
}

void Bell::wake_all() {
  for (Waiter* waiter : waiters_) waiter->woken.notify_one();
  if (taken_) ring_plain(*segment_, segment_->self());
}

void Bell::tell_askers() {
  const std::lock_guard<std::mutex> guard(mutex_);
  news_++;
  for (Waiter* waiter : waiters_) {
    if (waiter->stream != kNews) continue;
    waiter->woken.notify_one();
    // It may be the one that sits.
    if (taken_) ring_plain(*segment_, segment_->self());
  }
  if (places_.armed()) tell_descriptor();
}

void Bell::sweep() {
  Lock lock(mutex_);
  if (!taken_) collect(&lock);
}

void Bell::tell_descriptor() { descriptors_->raise(); }

void Bell::keep() {
  Lock lock(mutex_);
  while (!stopped_) {
    const uint64_t step = session_->resuming() ? kResumeStepNs : kLongestSleepNs;
    if (descriptors_->is_shown() && !taken_) {
      sit(&lock, step);
    } else {
      lock.unlock();
      descriptors_->pause(step);
      lock.lock();
      if (!stopped_ && !taken_) collect(&lock);
    }
    if (!stopped_) look_after(&lock);
  }
}

void Bell::look_after(Lock* lock) {
  const uint64_t now = monotonic_ns();
  segment_->worker(segment_->self()).heartbeat_ns.store(now, std::memory_order_relaxed);
  if (descriptors_->stopping && !stop_told_) {
    stop_told_ = true;
    wake_all();
    news_++;
    tell_descriptor();
  }
  if (lost_ || now - checked_ns_ < kResumeStepNs) return;
  checked_ns_ = now;
  lock->unlock();
  const bool connected = session_->connected();
  lock->lock();
  if (connected) return;
  lost_ = true;
  wake_all();
  tell_descriptor();
}

}  // namespace ur::capi
