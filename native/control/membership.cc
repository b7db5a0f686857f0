#include "membership.h"

#include <time.h>

#include "core/clock.h"

namespace ur {
namespace {

constexpr long kJoinPauseNs = 20'000'000;

}  // namespace

Status Membership::create(const SegmentConfig& config, const std::string& socket,
                          const std::string& name, std::string* detail) {
  auto arbiter = std::make_unique<Arbiter>();
  // The socket first: when it is another server's, its memory is not the news.
  Status status = arbiter->listen(socket, detail);
  if (status == Status::kOk) status = Segment::create(config, &created_, detail);
  if (status == Status::kOk) status = arbiter->start(created_.get(), name, detail);
  if (status != Status::kOk) {
    arbiter.reset();
    created_.reset();
    return status;
  }
  socket_ = socket;
  const std::lock_guard<std::mutex> guard(mutex_);
  arbiter_ = std::move(arbiter);
  return Status::kOk;
}

Status Membership::join(SessionOptions options, std::string* detail) {
  options.role = kRoleIngress;
  socket_ = options.socket;
  const uint64_t deadline = monotonic_ns() + static_cast<uint64_t>(options.timeout_ms) * 1'000'000;
  for (;;) {
    const Status status = session_.attach(options, detail);
    // Between two arbiters nobody listens for a moment.
    if (status != Status::kServerGone || monotonic_ns() > deadline) return status;
    const timespec pause = {0, kJoinPauseNs};
    nanosleep(&pause, nullptr);
  }
}

bool Membership::is_arbiter() {
  const std::lock_guard<std::mutex> guard(mutex_);
  return arbiter_ != nullptr;
}

bool Membership::connected() {
  if (is_arbiter() || session_.has_connection()) return true;
  if (lost()) return false;
  if (take_over()) return true;
  lost_ = !session_.connected();
  return !lost_;
}

bool Membership::take_over() {
  Segment* segment = session_.segment();
  if (segment == nullptr || !segment->resumable()) return false;
  std::string detail;
  auto arbiter = std::make_unique<Arbiter>();
  // Whoever has the path serves this segment, or has replaced it: then going on is refused.
  if (arbiter->listen(socket_, &detail) != Status::kOk) return false;
  if (arbiter->adopt(segment, &detail) != Status::kOk) return false;
  session_.hang_up();
  const std::lock_guard<std::mutex> guard(mutex_);
  arbiter_ = std::move(arbiter);
  return true;
}

std::vector<ArbiterEvent> Membership::take_events() {
  const std::lock_guard<std::mutex> guard(mutex_);
  return arbiter_ ? arbiter_->take_events() : std::vector<ArbiterEvent>();
}

Status Membership::kill(uint32_t worker) {
  const std::lock_guard<std::mutex> guard(mutex_);
  return arbiter_ ? arbiter_->kill(worker) : session_.order(kOrderKill, worker);
}

void Membership::close() {
  std::unique_ptr<Arbiter> arbiter;
  {
    const std::lock_guard<std::mutex> guard(mutex_);
    arbiter = std::move(arbiter_);
  }
  arbiter.reset();
  session_.close();
  created_.reset();
}

}  // namespace ur
