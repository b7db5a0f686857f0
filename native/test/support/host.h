// A segment with its ingress, and workers attached to it: within this process, so that a test can look
// at everything, but each through a mapping of its own, as another process has it.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "core/claim.h"
#include "core/ingress.h"
#include "core/lane_reader.h"
#include "core/lane_writer.h"
#include "core/segment.h"

namespace ur {
// What GoogleTest prints of a status.
inline void PrintTo(Status status, std::ostream* out) { *out << status_name(status); }
}  // namespace ur

namespace ur::test {

#define ASSERT_OK(expression) ASSERT_EQ(::ur::Status::kOk, (expression))
#define EXPECT_OK(expression) EXPECT_EQ(::ur::Status::kOk, (expression))

// One pool of 4 streams, slots of 1 KB, 8 per lane, one stage of 4, 4 readers; 8 workers, 2 observers.
SegmentConfig small_config();

LaneRef lane_of(const Segment& segment, uint64_t stream_id, uint32_t lane);

class Host {
 public:
  explicit Host(const SegmentConfig& config = small_config());

  Segment* server() const { return server_.get(); }
  Ingress& ingress() { return *ingress_; }
  // Row `index`, attached.
  Segment* worker(uint32_t index);
  WorkerRow& row(uint32_t index) const { return server_->worker(index); }

  uint64_t open(uint32_t pool = 0);
  // Closes and reclaims; the test fails when anything is still held.
  void finish(uint64_t stream_id);
  // True when every place can be taken and nothing is held anywhere; prints what is.
  bool is_all_free() const;

  LaneRef request(uint64_t id) const { return lane_of(*server_, id, kRequestLane); }
  LaneRef response(uint64_t id) const { return lane_of(*server_, id, kResponseLane); }

 private:
  std::unique_ptr<Segment> server_;
  std::unique_ptr<Ingress> ingress_;
  std::vector<std::unique_ptr<Segment>> workers_;
};

// The request lane's writer, open.
LaneWriter request_writer(Host& host, uint64_t stream_id);
// Claims a lane for `worker`; the test fails when it cannot.
LaneWriter claim(Segment* worker, uint64_t stream_id, uint32_t lane = kResponseLane);
LaneReader join(Segment* segment, uint64_t stream_id, uint32_t lane, int64_t from = 0);
// How many slots `reader` finds, with at most `max` at once.
uint32_t tail_count(LaneReader& reader, uint32_t max = 64);
// True when `stream` was signalled to `worker`; takes all of its signals.
bool take_ring(const Segment& segment, uint32_t worker, uint32_t stream);
// Throws away what has been signalled to `worker`.
void forget_rings(const Segment& segment, uint32_t worker);

// The content that tests write: a function of the slot and the place in it.
void fill_pattern(uint8_t* target, uint32_t length, uint64_t slot, uint64_t salt = 0);
bool is_pattern(const uint8_t* bytes, uint32_t length, uint64_t slot, uint64_t salt = 0);
std::vector<uint8_t> pattern(uint32_t length, uint64_t slot, uint64_t salt = 0);
// Writes `count` body slots of `length` patterned bytes.
void write_slots(LaneWriter& writer, uint32_t count, uint32_t length = 100);

}  // namespace ur::test
