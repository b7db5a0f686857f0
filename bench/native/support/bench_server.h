// The server's side of a benchmark: a real segment, served over a control socket in a folder of its
// own. One thread, beside the arbiter's.
#pragma once

#include <memory>
#include <string>

#include "control/arbiter.h"
#include "control/session.h"
#include "core/ingress.h"
#include "core/lane_writer.h"
#include "core/segment.h"

namespace ur::bench {

struct BenchGeometry {
  uint32_t streams = 1;
  uint32_t slot_bytes = 65536;
  uint32_t slots = 16;  // of the request lane
  uint32_t response_slots = 2;
  uint32_t readers_per_lane = 32;
};

class BenchServer {
 public:
  explicit BenchServer(const BenchGeometry& geometry);
  BenchServer(const BenchServer&) = delete;
  BenchServer& operator=(const BenchServer&) = delete;
  ~BenchServer();

  uint64_t open_stream();
  LaneWriter request_writer(uint64_t stream_id);
  LaneRef lane(uint64_t stream_id, uint32_t lane) const;
  // Returns when the lane has this many active readers.
  void await_readers(uint64_t stream_id, uint32_t lane, uint32_t count) const;

  Segment* segment() { return segment_.get(); }
  const std::string& socket() const { return socket_; }

 private:
  std::string folder_;
  std::string socket_;
  std::unique_ptr<Segment> segment_;
  std::unique_ptr<Arbiter> arbiter_;
  std::unique_ptr<Ingress> ingress_;
};

// A worker's side: attaches to the socket, or ends the program.
void attach(Session* session, const std::string& socket, const std::string& name);
// Ends the program unless `status` is kOk.
void expect_ok(Status status, const std::string& what);
// `count` active readers of the lane, or fewer.
uint32_t active_readers(const LaneRef& lane);

}  // namespace ur::bench
