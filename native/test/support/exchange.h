// The server's side of one stream, as an ingress does it, for tests with workers that die: writes a
// patterned request, checks the patterned answer, re-queues or fails when the holder dies, evicts.
#pragma once

#include <optional>
#include <random>
#include <string>

#include "core/ingress.h"
#include "core/lane_reader.h"
#include "core/lane_writer.h"
#include "test/support/random_worker.h"

namespace ur::test {

struct ExchangeCounts {
  uint64_t answered = 0;   // whole answers, every byte checked
  uint64_t failed = 0;     // given up, for one of the reasons an ingress has
  uint64_t requeued = 0;
  uint64_t evicted = 0;
  uint64_t slots = 0;      // response slots that were checked
  uint64_t slowest_ns = 0;  // from open until the place was free again
};

class Exchange {
 public:
  Exchange(Segment* segment, Ingress* ingress, std::mt19937_64* random, ExchangeCounts* counts)
      : segment_(segment), ingress_(ingress), random_(random), counts_(counts) {}

  // One step of whatever is to be done. What went wrong, or "".
  std::string pump();
  // Ends the stream now; true once its place is free.
  bool finish();
  bool idle() const { return state_ == State::kIdle; }

 private:
  enum class State { kIdle, kOpen, kClosing };

  bool begin();
  void feed();
  std::string read_answer();
  std::string check(const SlotView& view);
  void on_holder();
  void watch_time();
  void close(bool answered);
  bool reclaim();
  uint64_t pick(uint64_t count) { return (*random_)() % count; }

  Segment* segment_;
  Ingress* ingress_;
  std::mt19937_64* random_;
  ExchangeCounts* counts_;
  State state_ = State::kIdle;
  uint64_t id_ = 0;
  LaneRef request_, response_;
  LaneWriter writer_;
  LaneReader hold_, answer_;
  std::optional<LaneContent> content_;  // of the answer
  uint64_t request_slots_ = 0;
  bool full_ = false;
  uint64_t read_ = 0;        // response slots taken
  uint64_t began_ns_ = 0;
  uint64_t read_from_ns_ = 0;
  uint64_t progress_ns_ = 0;
  uint64_t limit_ns_ = 0;    // an exchange that takes longer is given up
};

}  // namespace ur::test
