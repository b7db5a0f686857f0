// One trial: a server and a worker process write one small slot to each other in turn, request lane and
// response lane. "asleep": before each write the peer is seen sleeping on its doorbell (futex);
// "spinning": both only look. One way is measured from the slot's timestamp, which the writer takes while
// it publishes, to the moment at which the reader has the slot; both clocks are CLOCK_MONOTONIC.
// Beside it, without a segment: one byte there and back over a pair of unix sockets.
// Prints one line of JSON; bench/native/native.bench.ts runs it.

#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <string>
#include <vector>

#include "core/claim.h"
#include "core/clock.h"
#include "core/lane_reader.h"
#include "core/lane_writer.h"
#include "support/bench_server.h"
#include "support/options.h"
#include "support/pacing.h"
#include "support/percentiles.h"
#include "support/process.h"
#include "support/report.h"
#include "support/source.h"

namespace ur::bench {
namespace {

constexpr uint32_t kMessageBytes = 64;
constexpr uint64_t kForeverSpins = ~0ULL;

// One side of the conversation.
struct Side {
  LaneWriter writer;
  LaneReader reader;
  Pacer pacer;
  uint64_t hash = 0;

  Side(const Segment& segment, uint64_t spins) : pacer(segment, spins) {}

  // Waits for the next slot, and returns how long ago it was published.
  uint64_t receive() {
    SlotView view;
    uint32_t count = 0;
    for (;;) {
      expect_ok(reader.tail(&view, 1, &count), "tailing");
      if (count > 0) break;
      pacer.wait([&] { return reader.last() > reader.position(); },
                 [&] { return reader.park() == Status::kEmpty; });
    }
    const SlotHeader& header = reader.lane().header(view.id);
    const uint64_t age_ns = monotonic_ns() - header.timestamp_ns.load(std::memory_order_relaxed);
    expect_ok(reader.verify(view.id), "verifying");
    hash = fold(hash, header.xxh3.load(std::memory_order_relaxed));
    expect_ok(reader.ack(view.id), "acknowledging");
    return age_ns;
  }

  void send(uint64_t number) {
    uint8_t message[kMessageBytes] = {};
    std::memcpy(message, &number, sizeof number);
    while (writer.write(message, kMessageBytes, kSlotBody) == Status::kFull) {
      pacer.wait([&] { return writer.park() == Status::kOk; },
                 [&] { return writer.park() == Status::kFull; });
    }
  }
};

int run_worker(Options* options) {
  const std::string socket = options->text("socket", "");
  const uint64_t stream_id = options->number("stream-id", 0);
  const uint64_t rounds = options->number("rounds", 0);
  const uint64_t spins = options->number("spins", 0);
  options->check_all_known();
  pin_to_processor(1);
  Session session;
  attach(&session, socket, "bench-echo");
  Segment* segment = session.segment();
  Side side(*segment, spins);
  LaneRef request;
  LaneRef response;
  expect_ok(segment->lane(stream_id, kRequestLane, &request), "finding the request lane");
  expect_ok(segment->lane(stream_id, kResponseLane, &response), "finding the response lane");
  uint64_t token = 0;
  expect_ok(claim_lane(segment, response, &token), "claiming");
  expect_ok(side.writer.open(segment, response, token), "opening the response");
  expect_ok(side.reader.join(segment, request, 0), "joining");
  std::vector<uint64_t> ages_ns;
  ages_ns.reserve(rounds);
  for (uint64_t i = 0; i < rounds; i++) {
    ages_ns.push_back(side.receive());
    side.send(i);
  }
  Report report;
  add_percentiles(&report, "one_way_ns", &ages_ns);
  report.add_hash("hash", side.hash);
  report.print();
  return 0;
}

// Rounds without measuring time by sleeping: the worker's own row says when it sleeps.
void await_sleep(const Segment& segment, uint32_t worker) {
  const WorkerRow& row = segment.worker(worker);
  while (row.asleep.load(std::memory_order_acquire) == 0) relax();
  const uint64_t until_ns = monotonic_ns() + 20'000;  // from saying so to being in the kernel
  while (monotonic_ns() < until_ns) relax();
}

void measure(const std::string& kind, uint64_t rounds, uint64_t spins, Report* report) {
  BenchGeometry geometry;
  geometry.slot_bytes = 1024;
  geometry.response_slots = 16;
  BenchServer server(geometry);
  const uint64_t stream_id = server.open_stream();
  Side side(*server.segment(), spins);
  side.writer = server.request_writer(stream_id);
  const LaneRef response = server.lane(stream_id, kResponseLane);
  expect_ok(side.reader.join(server.segment(), response, 0), "joining the response");
  const Child child =
      spawn_self({"--role=worker", "--socket=" + server.socket(),
                  "--stream-id=" + std::to_string(stream_id),
                  "--rounds=" + std::to_string(rounds), "--spins=" + std::to_string(spins)});
  server.await_readers(stream_id, kRequestLane, 1);
  const uint32_t worker = claim_owner(response).worker;
  std::vector<uint64_t> round_trips_ns;
  round_trips_ns.reserve(rounds);
  for (uint64_t i = 0; i < rounds; i++) {
    if (spins == 0) await_sleep(*server.segment(), worker);
    const uint64_t begin_ns = monotonic_ns();
    side.send(i);
    side.receive();
    round_trips_ns.push_back(monotonic_ns() - begin_ns);
  }
  const std::string line = finish(child);
  if (read_hash(line, "hash") != side.hash) fail("the echo was not what was sent");
  for (const char* name : {"one_way_ns_p50", "one_way_ns_p99", "one_way_ns_p999"}) {
    report->add(kind + "_" + name, read_field(line, name));
  }
  add_percentiles(report, kind + "_round_trip_ns", &round_trips_ns);
  report->add_hash(kind + "_hash", side.hash);
}

int run_socket_echo(Options* options) {
  const int fd = static_cast<int>(options->number("fd", 0));
  options->check_all_known();
  pin_to_processor(1);
  char byte = 0;
  while (read(fd, &byte, 1) == 1) {
    if (write(fd, &byte, 1) != 1) return 1;
  }
  return 0;
}

void measure_sockets(uint64_t rounds, Report* report) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) fail("socketpair failed");
  const Child child = spawn_self({"--role=socket", "--fd=" + std::to_string(ends[1])});
  close(ends[1]);
  std::vector<uint64_t> round_trips_ns;
  char byte = 'x';
  for (uint64_t i = 0; i < rounds; i++) {
    const uint64_t until_ns = monotonic_ns() + 30'000;
    while (monotonic_ns() < until_ns) relax();
    const uint64_t begin_ns = monotonic_ns();
    if (write(ends[0], &byte, 1) != 1 || read(ends[0], &byte, 1) != 1) fail("the echo has failed");
    round_trips_ns.push_back(monotonic_ns() - begin_ns);
  }
  shutdown(ends[0], SHUT_RDWR);
  close(ends[0]);
  finish(child);
  add_percentiles(report, "socket_round_trip_ns", &round_trips_ns);
}

int run_server(Options* options) {
  const uint64_t rounds = options->number("rounds", 10000);
  options->check_all_known();
  pin_to_processor(0);  // the peer has the other one: both wakes go from core to core
  Report report;
  report.add("rounds", rounds);
  measure("asleep", rounds, 0, &report);
  measure("spinning", rounds, kForeverSpins, &report);
  measure_sockets(rounds, &report);
  report.print();
  return 0;
}

}  // namespace
}  // namespace ur::bench

int main(int argc, char** argv) {
  ur::bench::Options options(argc, argv);
  const std::string role = options.text("role", "server");
  if (role == "worker") return ur::bench::run_worker(&options);
  if (role == "socket") return ur::bench::run_socket_echo(&options);
  return ur::bench::run_server(&options);
}
