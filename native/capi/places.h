// What a worker knows of each place of the segment: the stream that it works on, or has looked at, there,
// and how often somebody rang for it; and which streams are still to be looked at. Guarded by the
// mutex of its Bell; nothing here locks or waits.
#pragma once

#include <cstdint>
#include <vector>

#include "core/segment.h"
#include "fixed_queue.h"

namespace ur::capi {

class Places {
 public:
  Places(Segment* segment, bool observes, uint32_t capacity);

  // Somebody rang for the stream at `index`. True when there is a stream to look at that was not there
  // before. What nobody here wants is passed on to other workers.
  bool rung(uint32_t index);
  uint32_t rings(uint32_t index) const { return places_[index].rings; }

  // How many callers wait for a stream; `armed`: one will come when the descriptor is readable.
  void set_askers(uint32_t askers, bool armed);
  uint32_t askers() const { return askers_; }
  bool armed() const { return armed_; }
  void set_capacity(uint32_t capacity);
  uint32_t capacity() const { return capacity_; }
  uint32_t in_flight() const { return in_flight_; }
  // Takes no more streams.
  void retire();

  // The next stream to look at, and keeps room for it; 0 when there is none, or no room.
  uint64_t pick();
  enum class Outcome { kTaken, kRefused, kLost };
  // What became of the stream that pick() gave. kLost: another has it; look again when it comes again.
  void settle(uint64_t id, Outcome outcome);
  // The work on a stream is over.
  void release(uint64_t id);

  // Whether take_rung() will be asked at all.
  void set_listing(bool on) { listing_ = on; }
  // Ids of own streams that were rung, for ur_worker_rung.
  uint32_t take_rung(uint64_t* ids, uint32_t capacity);
  bool has_rung() const { return !rung_.empty(); }

 private:
  enum class State : uint8_t { kUnknown, kLooking, kAgain, kSeen };
  struct Place {
    uint64_t id = 0;
    uint32_t rings = 0;
    State state = State::kUnknown;
    bool working = false;
    bool queued = false;  // in candidates_
    bool listed = false;  // in rung_
  };

  bool wants() const;
  void subscribe();
  bool add(uint32_t index);
  void list(Place& place);
  void leave_to_others(uint64_t id);
  void report();
  uint64_t open_at(uint32_t index) const;

  Segment* segment_;
  const bool observes_;
  std::vector<Place> places_;
  FixedQueue<uint32_t> candidates_;  // each place once
  // Ids: a place may be here for two streams, one after the other; for more if nobody takes them.
  FixedQueue<uint64_t> rung_;
  uint32_t capacity_;
  uint32_t in_flight_ = 0;
  uint32_t looking_ = 0;
  uint32_t askers_ = 0;
  bool armed_ = false;
  bool subscribed_ = false;
  bool retired_ = false;
  bool listing_ = false;
};

}  // namespace ur::capi
