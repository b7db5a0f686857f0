#include "test/support/exchange.h"

#include <algorithm>

#include "core/claim.h"
#include "core/clock.h"
#include "test/support/host.h"
#include "test/support/waiting.h"

namespace ur::test {
namespace {

constexpr uint64_t kEvictAfterNs = 8'000'000;

}  // namespace

std::string Exchange::pump() {
  switch (state_) {
    case State::kIdle:
      if (begin()) feed();
      return "";
    case State::kClosing:
      reclaim();
      return "";
    case State::kOpen:
      break;
  }
  feed();
  if (state_ != State::kOpen) return "";
  const std::string wrong = read_answer();
  if (!wrong.empty() || state_ != State::kOpen) return wrong;
  on_holder();
  if (state_ == State::kOpen) watch_time();
  return "";
}

bool Exchange::begin() {
  if (ingress_->open(0, "test", &id_) != Status::kOk) return false;  // others are set aside
  state_ = State::kOpen;
  request_ = lane_of(*segment_, id_, kRequestLane);
  response_ = lane_of(*segment_, id_, kResponseLane);
  EXPECT_OK(writer_.open(segment_, request_, 0));
  EXPECT_OK(hold_.join(segment_, request_, 0));
  EXPECT_OK(answer_.join(segment_, response_, 0));
  content_.emplace(response_);
  request_slots_ = 1 + pick(pick(2) == 0 ? 12 : 80);
  read_ = 0;
  began_ns_ = progress_ns_ = monotonic_ns();
  limit_ns_ = (20 + pick(100)) * 1'000'000;
  // A client that takes nothing for a while: until then another worker can still answer.
  read_from_ns_ = began_ns_ + pick(2) * pick(10) * 1'000'000;
  return true;
}

void Exchange::feed() {
  uint8_t bytes[1024];
  full_ = false;
  while (writer_.last() < request_slots_) {
    const uint64_t next = writer_.last() + 1;
    const uint32_t length = pattern_length(next);
    fill_pattern(bytes, length, next, lane_salt(id_, kRequestLane, 0));
    if (writer_.write(bytes, length, kSlotBody) != Status::kOk) break;
    if (next == 1) ingress_->announce(id_);
    progress_ns_ = monotonic_ns();
  }
  if (writer_.last() == request_slots_ && !writer_.ended()) full_ = writer_.end() != Status::kOk;
  if (writer_.last() < request_slots_) full_ = true;
  if (!full_) return;
  // Who answers reads: the hold may go, and the request is no longer whole.
  if (hold_.joined() && claim_owner(response_).worker != kNoIndex) hold_.leave();
  if (writer_.park() == Status::kOk) full_ = false;
}

std::string Exchange::check(const SlotView& view) {
  if (!content_->is_right(view)) return "wrong bytes in a response slot";
  if (answer_.verify(view.id) != Status::kOk) return "a response slot's hash is wrong";
  counts_->slots++;
  return "";
}

std::string Exchange::read_answer() {
  if (monotonic_ns() < read_from_ns_) return "";
  SlotView views[16];
  uint32_t count = 0;
  const Status status = answer_.tail(views, 1 + static_cast<uint32_t>(pick(16)), &count);
  if (status != Status::kOk) return std::string("response lane: ") + status_name(status);
  if (count == 0 && answer_.park() == Status::kWorkerFailed) close(false);
  for (uint32_t i = 0; i < count; i++) {
    if (views[i].flags == kSlotEnd) {
      close(true);
      return "";
    }
    const std::string wrong = check(views[i]);
    if (!wrong.empty()) return wrong + ", slot " + std::to_string(views[i].id);
    read_ = views[i].id;
  }
  if (count > 0 && answer_.ack(answer_.position()) != Status::kOk) return "the ingress was evicted";
  if (count > 0) progress_ns_ = monotonic_ns();
  return "";
}

void Exchange::on_holder() {
  const ClaimOwner owner = claim_owner(response_);
  if (owner.worker == kNoIndex && answer_.last() > 0 && answer_.last() == read_) {
    close(false);  // given back without an end
    return;
  }
  if (!owner.orphan) return;
  // Nothing has reached the client yet, and the request is whole: another may answer.
  if (read_ == 0 && hold_.joined() && is_whole(request_)) {
    answer_.leave();
    EXPECT_OK(requeue_lane(segment_, response_));
    EXPECT_OK(answer_.join(segment_, response_, 0));
    content_.emplace(response_);
    ingress_->announce_all(id_);
    counts_->requeued++;
    return;
  }
  close(false);
}

void Exchange::watch_time() {
  const uint64_t now = monotonic_ns();
  if (now - began_ns_ > limit_ns_) {
    if (pick(2) == 0) {
      EXPECT_OK(ingress_->abort(id_, Status::kResponseTimeout));
    }
    close(false);
    return;
  }
  if (!full_ || now - progress_ns_ < kEvictAfterNs) return;
  uint64_t blockers = writer_.blockers() & ~segment_->self_bit();
  for (; blockers != 0; blockers &= blockers - 1) {
    const auto worker = static_cast<uint32_t>(__builtin_ctzll(blockers));
    counts_->evicted += ingress_->evict(request_, worker);
  }
  progress_ns_ = now;
}

void Exchange::close(bool answered) {
  if (state_ != State::kOpen) return;
  (answered ? counts_->answered : counts_->failed)++;
  hold_.leave();
  answer_.leave();
  EXPECT_OK(writer_.release());
  EXPECT_OK(ingress_->close(id_));
  state_ = State::kClosing;
  reclaim();
}

bool Exchange::reclaim() {
  if (ingress_->reclaim(id_) != Status::kOk) return false;
  counts_->slowest_ns = std::max(counts_->slowest_ns, monotonic_ns() - began_ns_);
  state_ = State::kIdle;
  return true;
}

bool Exchange::finish() {
  if (state_ == State::kOpen) close(false);
  return state_ == State::kIdle || reclaim();
}

}  // namespace ur::test
