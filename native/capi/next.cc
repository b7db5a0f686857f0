// ur_worker_next: waiting for a stream that this worker takes.
#include "entry.h"
#include "handles.h"

namespace ur::capi {
namespace {

// One caller that wants a stream.
class Asker {
 public:
  explicit Asker(Bell* bell) : bell_(bell) {
    bell_->with_places([](Places& places) { places.set_askers(places.askers() + 1, false); });
    bell_->sweep();  // what was rung while nobody listened
  }
  Asker(const Asker&) = delete;
  Asker& operator=(const Asker&) = delete;
  ~Asker() {
    bell_->with_places(
        [this](Places& places) { places.set_askers(places.askers() - 1, armed_); });
    // What was offered a moment ago is not for this worker any more.
    if (!armed_) bell_->sweep();
  }
  // The descriptor says when there is a stream.
  void arm() { armed_ = true; }

 private:
  Bell* bell_;
  bool armed_ = false;
};

// A stream that is being looked at: its place gets an outcome, whatever happens.
class Candidate {
 public:
  Candidate(Bell* bell, uint64_t id) : bell_(bell), id_(id) {}
  Candidate(const Candidate&) = delete;
  Candidate& operator=(const Candidate&) = delete;
  ~Candidate() {
    bell_->with_places([this](Places& places) { places.settle(id_, outcome_); });
  }
  void settle(Places::Outcome outcome) { outcome_ = outcome; }

 private:
  Bell* bell_;
  uint64_t id_;
  Places::Outcome outcome_ = Places::Outcome::kRefused;
};

int next(const std::shared_ptr<Attachment>& attachment, int timeout_ms, ur_exchange** out) {
  const Deadline deadline(timeout_ms);
  const Call call(attachment.get());
  if (!call.attached()) return code(Status::kDetached);
  Bell& bell = attachment->bell();
  Asker asker(&bell);
  // Somebody may ring for ever; a call looks at most once at as many streams as there are, and goes on
  // only while it has time.
  const uint32_t streams = attachment->segment()->geometry().stream_count;
  for (uint64_t looks = 0;; looks++) {
    // Before anything is looked at: what becomes true in between, a stop too, is news for the wait.
    const uint32_t ticket = bell.news_ticket();
    if (call.status() != Status::kOk) return code(call.status());
    if (attachment->stopping()) return code(Status::kShuttingDown);
    const uint64_t id = bell.with_places([](Places& places) { return places.pick(); });
    if (id != 0) {
      Candidate candidate(&bell, id);
      std::unique_ptr<ur_exchange> exchange;
      const Places::Outcome outcome = take_stream(attachment, id, &exchange);
      candidate.settle(outcome);
      if (outcome == Places::Outcome::kTaken) {
        *out = exchange.release();
        return 0;
      }
      if (looks < streams || (timeout_ms != 0 && !deadline.passed())) continue;
    }
    if (timeout_ms == 0) asker.arm();
    if (timeout_ms == 0 || !bell.wait_for_news(ticket, deadline)) return code(Status::kEmpty);
  }
}

}  // namespace
}  // namespace ur::capi

extern "C" int ur_worker_next(ur_worker* worker, int timeout_ms, ur_exchange** exchange) {
  return ur::capi::entry([&] {
    if (worker == nullptr || exchange == nullptr) {
      return ur::capi::code(ur::Status::kInvalidArgument);
    }
    *exchange = nullptr;
    return ur::capi::next(worker->current(), timeout_ms, exchange);
  });
}
