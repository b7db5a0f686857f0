// One trial: this process is the server and writes body bytes into the request lanes of one or more
// streams (copy + XXH3); reader processes tail them, verify every slot and acknowledge it. The time runs
// from the first write until the last reader has acknowledged the end.
// Prints one line of JSON; bench/native/native.bench.ts runs it.

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/hash.h"
#include "support/bench_server.h"
#include "support/options.h"
#include "support/pacing.h"
#include "support/process.h"
#include "support/reader_process.h"
#include "support/report.h"
#include "support/source.h"

namespace ur::bench {
namespace {

struct WriterPlan {
  uint64_t total_bytes = 0;   // of each stream
  uint64_t source_bytes = 0;  // the buffer that is written, again and again
  uint64_t chunk_bytes = 0;   // offered at once
  uint64_t first_bytes = 0;   // offered first; then chunks do not begin where slots do
  uint64_t seed = 0;
};

struct Upload {
  LaneWriter writer;
  uint64_t written_bytes = 0;
  bool ended = false;
};

// Writes what there is room for; true when anything was written.
bool write_some(Upload* upload, const Buffer& source, const WriterPlan& plan) {
  if (upload->ended) return false;
  const uint64_t rest = plan.total_bytes - upload->written_bytes;
  if (rest == 0) {
    const Status status = upload->writer.end();
    if (status == Status::kFull) return false;
    expect_ok(status, "ending");
    upload->ended = true;
    return true;
  }
  const uint64_t at = upload->written_bytes % source.size();
  const bool first = upload->written_bytes == 0 && plan.first_bytes > 0;
  const uint64_t chunk = first ? plan.first_bytes : plan.chunk_bytes;
  const uint64_t offered = std::min<uint64_t>({rest, source.size() - at, chunk});
  uint64_t taken = 0;
  expect_ok(upload->writer.append(source.data() + at, offered, &taken), "appending");
  upload->written_bytes += taken;
  if (upload->written_bytes == plan.total_bytes) expect_ok(upload->writer.flush(), "flushing");
  return taken > 0;
}

bool has_room(std::vector<Upload>* uploads) {
  for (auto& upload : *uploads) {
    uint8_t* slot = nullptr;
    if (!upload.ended && upload.writer.reserve(&slot) == Status::kOk) return true;
  }
  return false;
}

// True when every lane is full, and this process will be rung when one is not.
bool park_all(std::vector<Upload>* uploads) {
  for (auto& upload : *uploads) {
    if (!upload.ended && upload.writer.park() == Status::kOk) return false;
  }
  return true;
}

uint64_t write_all(std::vector<Upload>* uploads, const Buffer& source, const WriterPlan& plan,
                   Pacer* pacer) {
  const uint64_t begin_ns = monotonic_ns();
  for (;;) {
    bool progress = false;
    bool ended = true;
    for (auto& upload : *uploads) {
      progress |= write_some(&upload, source, plan);
      ended &= upload.ended;
    }
    if (ended) return begin_ns;
    if (progress) continue;
    pacer->wait([&] { return has_room(uploads); }, [&] { return park_all(uploads); });
  }
}

// What every reader's hash must be: from the source again, slot by slot, after the measured time.
uint64_t expected_hash(const Buffer& source, uint64_t total_bytes, uint32_t slot_bytes) {
  std::vector<uint8_t> slot(slot_bytes);
  uint64_t hash = 0;
  for (uint64_t at = 0; at < total_bytes;) {
    const uint64_t length = std::min<uint64_t>(slot_bytes, total_bytes - at);
    for (uint64_t filled = 0; filled < length;) {
      const uint64_t from = (at + filled) % source.size();
      const uint64_t part = std::min(length - filled, source.size() - from);
      std::memcpy(slot.data() + filled, source.data() + from, part);
      filled += part;
    }
    hash = fold(hash, xxh3_64(slot.data(), length));
    at += length;
  }
  return fold(hash, xxh3_64(slot.data(), 0));  // the end slot
}

std::vector<Child> spawn_readers(const BenchServer& server, const std::vector<uint64_t>& streams,
                                 const ReaderPlan& plan, uint32_t processes) {
  std::vector<Child> children;
  std::string ids;
  for (const uint64_t id : streams) ids.append(std::to_string(id)).append(",");
  for (uint32_t i = 0; i < processes; i++) {
    ReaderPlan one = plan;
    one.socket = server.socket();
    one.streams = ids;
    one.index = i;
    one.processes = processes;
    children.push_back(spawn_self(one.arguments()));
  }
  return children;
}

int run_writer(Options* options) {
  BenchGeometry geometry;
  geometry.streams = static_cast<uint32_t>(options->number("streams", 1));
  geometry.slot_bytes = static_cast<uint32_t>(options->number("slot-bytes", 65536));
  geometry.slots = static_cast<uint32_t>(options->number("slots", 16));
  WriterPlan writing;
  writing.total_bytes = options->number("total-bytes", 512ULL << 20);
  writing.source_bytes = options->number("source-bytes", 1ULL << 20);
  writing.chunk_bytes = options->number("chunk-bytes", geometry.slot_bytes);
  writing.first_bytes = options->number("first-bytes", 0);
  writing.seed = options->number("seed", 1);
  const uint32_t processes = static_cast<uint32_t>(options->number("processes", 1));
  ReaderPlan plan(options);
  options->check_all_known();
  geometry.readers_per_lane = std::max<uint32_t>(plan.readers_per_stream, 32);

  if (plan.pin) pin_to_processor(0);
  Buffer source(std::min(writing.source_bytes, writing.total_bytes));
  source.fill(writing.seed);
  BenchServer server(geometry);
  std::vector<uint64_t> streams;
  std::vector<Upload> uploads;
  for (uint32_t i = 0; i < geometry.streams; i++) {
    streams.push_back(server.open_stream());
    uploads.push_back({server.request_writer(streams.back())});
  }
  const std::vector<Child> children = spawn_readers(server, streams, plan, processes);
  for (const uint64_t id : streams) {
    server.await_readers(id, kRequestLane, plan.readers_per_stream);
  }
  const double cpu_before = cpu_seconds();
  Pacer pacer(*server.segment(), plan.spins);
  const uint64_t begin_ns = write_all(&uploads, source, writing, &pacer);
  const double writer_cpu = cpu_seconds() - cpu_before;

  uint64_t end_ns = 0;
  uint64_t bytes_read = 0;
  uint64_t slots_read = 0;
  uint64_t reader_sleeps = 0;
  uint64_t reader_cpu_us = 0;
  const uint64_t hash = expected_hash(source, writing.total_bytes, geometry.slot_bytes);
  for (const Child& child : children) {
    const std::string line = finish(child);
    end_ns = std::max(end_ns, read_field(line, "end_ns"));
    bytes_read += read_field(line, "bytes");
    slots_read += read_field(line, "slots");
    reader_sleeps += read_field(line, "sleeps");
    reader_cpu_us += read_field(line, "cpu_us");
    if (read_hash(line, "hash") != hash) fail("a reader has read other bytes than were written");
  }
  const uint64_t written = writing.total_bytes * geometry.streams;
  if (bytes_read != written * plan.readers_per_stream) fail("the readers have not read every byte");

  const double seconds = static_cast<double>(end_ns - begin_ns) / 1e9;
  Report report;
  report.add("seconds", seconds);
  report.add("bytes", written);
  report.add("bytes_read", bytes_read);
  report.add("slots", slots_read / plan.readers_per_stream);
  report.add("writer_sleeps", pacer.sleeps());
  report.add("reader_sleeps", reader_sleeps);
  report.add("writer_cpu_seconds", writer_cpu);
  report.add("reader_cpu_seconds", static_cast<double>(reader_cpu_us) / 1e6);
  report.add_hash("hash", hash);
  report.print();
  return 0;
}

}  // namespace
}  // namespace ur::bench

int main(int argc, char** argv) {
  ur::bench::Options options(argc, argv);
  if (options.text("role", "writer") == "reader") return ur::bench::run_reader(&options);
  return ur::bench::run_writer(&options);
}
