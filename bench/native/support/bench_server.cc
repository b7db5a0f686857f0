#include "bench_server.h"

#include <stdlib.h>
#include <time.h>

#include <filesystem>
#include <system_error>

#include "core/clock.h"
#include "core/lane_reader.h"
#include "options.h"

namespace ur::bench {
namespace {

constexpr uint64_t kJoinTimeoutNs = 20'000'000'000;

}  // namespace

void expect_ok(Status status, const std::string& what) {
  if (status != Status::kOk) fail(what + ": " + status_text(status));
}

BenchServer::BenchServer(const BenchGeometry& geometry) {
  char folder[] = "/tmp/ur-bench-XXXXXX";
  if (mkdtemp(folder) == nullptr) fail("no folder for the control socket");
  folder_ = folder;
  socket_ = folder_ + "/control.sock";
  SegmentConfig config;
  PoolConfig pool;
  pool.name = "bench";
  pool.streams = geometry.streams;
  pool.slot_size = geometry.slot_bytes;
  pool.request_slots = geometry.slots;
  pool.response_slots = geometry.response_slots;
  pool.readers_per_lane = geometry.readers_per_lane;
  config.pools.push_back(pool);
  config.max_workers = kMaxWorkers;
  std::string detail;
  if (Segment::create(config, &segment_, &detail) != Status::kOk) fail("the segment: " + detail);
  arbiter_ = std::make_unique<Arbiter>();
  if (arbiter_->listen(socket_, &detail) != Status::kOk ||
      arbiter_->start(segment_.get(), "bench", &detail) != Status::kOk) {
    fail("the control socket: " + detail);
  }
  ingress_ = std::make_unique<Ingress>(segment_.get());
}

BenchServer::~BenchServer() {
  arbiter_->stop();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);  // the socket has a lock file beside it
}

uint64_t BenchServer::open_stream() {
  uint64_t stream_id = 0;
  expect_ok(ingress_->open(0, "bench", &stream_id), "opening a stream");
  return stream_id;
}

LaneRef BenchServer::lane(uint64_t stream_id, uint32_t lane) const {
  LaneRef ref;
  expect_ok(segment_->lane(stream_id, lane, &ref), "finding a lane");
  return ref;
}

LaneWriter BenchServer::request_writer(uint64_t stream_id) {
  LaneWriter writer;
  expect_ok(writer.open(segment_.get(), lane(stream_id, kRequestLane), 0), "opening the writer");
  return writer;
}

void BenchServer::await_readers(uint64_t stream_id, uint32_t lane_index, uint32_t count) const {
  const LaneRef ref = lane(stream_id, lane_index);
  const uint64_t deadline_ns = monotonic_ns() + kJoinTimeoutNs;
  while (active_readers(ref) < count) {
    if (monotonic_ns() > deadline_ns) fail("the readers have not joined in time");
    const timespec pause = {0, 1'000'000};
    nanosleep(&pause, nullptr);
  }
}

uint32_t active_readers(const LaneRef& lane) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < lane.reader_count; i++) {
    const uint64_t owner = lane.control->readers[i].owner.load(std::memory_order_acquire);
    if (reader_state(owner) == ReaderState::kActive) count++;
  }
  return count;
}

void attach(Session* session, const std::string& socket, const std::string& name) {
  SessionOptions options;
  options.socket = socket;
  options.name = name;
  std::string detail;
  if (session->attach(options, &detail) != Status::kOk) fail("attaching: " + detail);
}

}  // namespace ur::bench
