#include "reader_process.h"

#include <sstream>

#include "bench_server.h"
#include "core/clock.h"
#include "core/lane_reader.h"
#include "pacing.h"
#include "process.h"
#include "report.h"
#include "source.h"

namespace ur::bench {
namespace {

constexpr uint32_t kBatch = 16;

struct Handle {
  LaneReader reader;
  uint64_t hash = 0;
  bool ended = false;
};

struct Counters {
  uint64_t bytes = 0;
  uint64_t slots = 0;
};

// Reads what is there; true when there was anything.
bool read_some(Handle* handle, bool verify, Counters* counters) {
  if (handle->ended) return false;
  SlotView views[kBatch];
  uint32_t count = 0;
  expect_ok(handle->reader.tail(views, kBatch, &count), "tailing");
  for (uint32_t i = 0; i < count; i++) {
    const SlotView& view = views[i];
    if (verify) expect_ok(handle->reader.verify(view.id), "verifying");
    const SlotHeader& header = handle->reader.lane().header(view.id);
    handle->hash = fold(handle->hash, header.xxh3.load(std::memory_order_relaxed));
    handle->ended = (view.flags & kSlotEnd) != 0;
    counters->bytes += view.length;
    counters->slots++;
    if (verify) expect_ok(handle->reader.ack(view.id), "acknowledging");
  }
  if (count > 0 && !verify) expect_ok(handle->reader.ack(views[count - 1].id), "acknowledging");
  return count > 0;
}

bool anything_new(const std::vector<Handle>& handles) {
  for (const Handle& handle : handles) {
    if (!handle.ended && handle.reader.last() > handle.reader.position()) return true;
  }
  return false;
}

// True when no lane has anything new, and this process will be rung when one has.
bool park_all(std::vector<Handle>* handles) {
  for (Handle& handle : *handles) {
    if (handle.ended) continue;
    const Status status = handle.reader.park();
    if (status == Status::kOk) return false;
    if (status != Status::kEmpty) expect_ok(status, "parking");
  }
  return true;
}

std::vector<Handle> join_all(Segment* segment, const ReaderPlan& plan) {
  std::vector<Handle> handles;
  std::istringstream ids(plan.streams);
  uint32_t number = 0;
  for (std::string id; std::getline(ids, id, ',');) {
    LaneRef lane;
    expect_ok(segment->lane(std::stoull(id), kRequestLane, &lane), "finding the lane");
    for (uint32_t i = 0; i < plan.readers_per_stream; i++, number++) {
      if (number % plan.processes != plan.index) continue;
      handles.emplace_back();
      expect_ok(handles.back().reader.join(segment, lane, 0), "joining");
    }
  }
  return handles;
}

}  // namespace

ReaderPlan::ReaderPlan(Options* options)
    : socket(options->text("socket", "")),
      streams(options->text("stream-ids", "")),
      readers_per_stream(static_cast<uint32_t>(options->number("readers", 1))),
      index(static_cast<uint32_t>(options->number("index", 0))),
      processes(static_cast<uint32_t>(options->number("processes", 1))),
      spins(options->number("spins", 2000)),
      verify(options->number("verify", 1) != 0),
      pin(options->number("pin", 0) != 0) {}

std::vector<std::string> ReaderPlan::arguments() const {
  return {"--role=reader",
          "--socket=" + socket,
          "--stream-ids=" + streams,
          "--readers=" + std::to_string(readers_per_stream),
          "--index=" + std::to_string(index),
          "--processes=" + std::to_string(processes),
          "--spins=" + std::to_string(spins),
          "--verify=" + std::to_string(verify ? 1 : 0),
          "--pin=" + std::to_string(pin ? 1 : 0)};
}

int run_reader(Options* options) {
  const ReaderPlan plan(options);
  options->check_all_known();
  if (plan.pin) pin_to_processor(1 + plan.index % (processor_count() - 1));
  Session session;
  attach(&session, plan.socket, "bench-reader-" + std::to_string(plan.index));
  std::vector<Handle> handles = join_all(session.segment(), plan);
  Pacer pacer(*session.segment(), plan.spins);
  Counters counters;
  const double cpu_before = cpu_seconds();
  for (;;) {
    bool progress = false;
    bool ended = true;
    for (Handle& handle : handles) {
      progress |= read_some(&handle, plan.verify, &counters);
      ended &= handle.ended;
    }
    if (ended) break;
    if (progress) continue;
    pacer.wait([&] { return anything_new(handles); }, [&] { return park_all(&handles); });
  }
  const uint64_t end_ns = monotonic_ns();
  for (const Handle& handle : handles) {
    if (handle.hash != handles.front().hash) fail("two readers have read different bytes");
  }
  Report report;
  report.add("end_ns", end_ns);
  report.add("bytes", counters.bytes);
  report.add("slots", counters.slots);
  report.add("sleeps", pacer.sleeps());
  report.add("cpu_us", static_cast<uint64_t>((cpu_seconds() - cpu_before) * 1e6));
  report.add_hash("hash", handles.front().hash);
  report.print();
  return 0;
}

}  // namespace ur::bench
