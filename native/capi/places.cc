#include "places.h"

#include "core/claim.h"
#include "core/ingress.h"

namespace ur::capi {

Places::Places(Segment* segment, bool observes, uint32_t capacity)
    : segment_(segment),
      observes_(observes),
      places_(segment->geometry().stream_count),
      candidates_(places_.size()),
      rung_(2 * places_.size()),
      capacity_(capacity) {
  report();
}

uint64_t Places::open_at(uint32_t index) const {
  const uint64_t state = segment_->stream(index).state.load(std::memory_order_acquire);
  return stream_state(state) == StreamState::kOpen
             ? make_stream_id(state_generation(state), index)
             : 0;
}

bool Places::rung(uint32_t index) {
  Place& place = places_[index];
  place.rings++;
  if (place.working) list(place);
  const uint64_t id = open_at(index);
  if (id == 0 || (place.id == id && place.state == State::kSeen)) return false;
  if (place.state == State::kLooking || place.state == State::kAgain || wants()) return add(index);
  leave_to_others(id);
  return false;
}

void Places::leave_to_others(uint64_t id) {
  if (observes_) return;
  const LaneRef response = segment_->lane_at(stream_index(id), kResponseLane);
  if (claim_owner(response).worker == kNoIndex) pass_on(*segment_, id);
}

bool Places::add(uint32_t index) {
  Place& place = places_[index];
  if (place.state == State::kLooking || place.state == State::kAgain) {
    place.state = State::kAgain;
    return false;
  }
  if (place.queued) return false;
  place.queued = true;
  candidates_.push(index);
  return true;
}

void Places::list(Place& place) {
  if (!listing_ || place.listed) return;
  place.listed = true;
  rung_.push(place.id);
}

bool Places::wants() const {
  return !retired_ && (askers_ > 0 || armed_) && in_flight_ + looking_ < capacity_;
}

void Places::subscribe() {
  const bool on = wants();
  if (on == subscribed_) return;
  subscribed_ = on;
  const uint32_t role = observes_ ? kRoleObserver : kRoleResponder;
  wait_for_streams(*segment_, role, on);
  if (on) {
    // After subscribing, so that no stream falls between this list and the first ring.
    for (const uint64_t id : list_streams(*segment_, !observes_)) {
      const Place& place = places_[stream_index(id)];
      if (place.id != id || place.state != State::kSeen) add(stream_index(id));
    }
    return;
  }
  while (!candidates_.empty()) {
    const uint32_t index = candidates_.pop();
    places_[index].queued = false;
    const uint64_t id = open_at(index);
    if (id != 0) leave_to_others(id);
  }
}

void Places::set_askers(uint32_t askers, bool armed) {
  askers_ = askers;
  armed_ = armed;
  subscribe();
}

void Places::set_capacity(uint32_t capacity) {
  capacity_ = capacity;
  report();
  subscribe();
}

void Places::retire() {
  retired_ = true;
  subscribe();
}

uint64_t Places::pick() {
  while (!candidates_.empty() && wants()) {
    const uint32_t index = candidates_.pop();
    Place& place = places_[index];
    place.queued = false;
    const uint64_t id = open_at(index);
    if (id == 0 || (place.id == id && place.state == State::kSeen)) continue;
    if (place.working) list(place);  // the stream that it was has gone
    place.id = id;
    place.state = State::kLooking;
    looking_++;
    return id;
  }
  return 0;
}

void Places::settle(uint64_t id, Outcome outcome) {
  const uint32_t index = stream_index(id);
  Place& place = places_[index];
  const bool again = place.state == State::kAgain;
  looking_--;
  place.state = outcome == Outcome::kLost ? State::kUnknown : State::kSeen;
  if (outcome == Outcome::kTaken) {
    place.working = true;
    place.listed = false;
    in_flight_++;
    report();
  } else if (outcome == Outcome::kRefused) {
    leave_to_others(id);
  }
  // It was offered while it was looked at: by now it may be to be had, or be another stream.
  if (again && outcome != Outcome::kTaken && wants()) add(index);
  subscribe();
}

void Places::release(uint64_t id) {
  Place& place = places_[stream_index(id)];
  if (place.id == id) place.working = false;
  in_flight_--;
  report();
  subscribe();
}

void Places::report() {
  WorkerRow& row = segment_->worker(segment_->self());
  row.capacity.store(capacity_, std::memory_order_relaxed);
  row.in_flight.store(in_flight_, std::memory_order_relaxed);
}

uint32_t Places::take_rung(uint64_t* ids, uint32_t capacity) {
  uint32_t count = 0;
  while (count < capacity && !rung_.empty()) {
    const uint64_t id = rung_.pop();
    Place& place = places_[stream_index(id)];
    if (place.id == id) place.listed = false;
    ids[count++] = id;
  }
  return count;
}

}  // namespace ur::capi
