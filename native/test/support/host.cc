#include "test/support/host.h"

#include <cinttypes>
#include <cstdio>

#include "core/doorbell.h"

namespace ur::test {

SegmentConfig small_config() {
  SegmentConfig config;
  PoolConfig pool;
  pool.name = "main";
  pool.streams = 4;
  pool.slot_size = 1024;
  pool.request_slots = 8;
  pool.response_slots = 8;
  pool.stage_slots = 4;
  pool.readers_per_lane = 4;
  pool.stages = {"resize"};
  config.pools.push_back(pool);
  config.max_workers = 8;
  config.observers = {"scan", "log"};
  return config;
}

LaneRef lane_of(const Segment& segment, uint64_t stream_id, uint32_t lane) {
  LaneRef ref;
  EXPECT_OK(segment.lane(stream_id, lane, &ref));
  return ref;
}

Host::Host(const SegmentConfig& config) {
  std::string detail;
  EXPECT_EQ(Status::kOk, Segment::create(config, &server_, &detail)) << detail;
  server_->set_self(0);
  server_->worker(0).owner.store(static_cast<uint64_t>(WorkerState::kAttached));
  ingress_ = std::make_unique<Ingress>(server_.get());
  workers_.resize(config.max_workers);
}

Segment* Host::worker(uint32_t index) {
  std::unique_ptr<Segment>& slot = workers_.at(index);
  if (slot == nullptr) {
    MemoryFile file;
    EXPECT_OK(server_->file().reopen(true, &file));
    std::string detail;
    EXPECT_EQ(Status::kOk,
              Segment::attach(std::move(file), Segment::Access::kWorker, &slot, &detail))
        << detail;
    slot->set_self(index);
    AtomicU64& owner = row(index).owner;
    owner.store(owner.load() >> 8 << 8 | static_cast<uint64_t>(WorkerState::kAttached));
  }
  return slot.get();
}

uint64_t Host::open(uint32_t pool) {
  uint64_t id = 0;
  EXPECT_OK(ingress_->open(pool, "test", &id));
  return id;
}

void Host::finish(uint64_t stream_id) {
  EXPECT_OK(ingress_->close(stream_id));
  EXPECT_OK(ingress_->reclaim(stream_id));
}

bool Host::is_all_free() const {
  bool free = true;
  const auto held = [&free](const char* what, const LaneRef& lane, uint64_t word) {
    std::fprintf(stderr, "held: %s of stream %u lane %u: %" PRIx64 "\n", what, lane.stream,
                 lane.lane, word);
    free = false;
  };
  for (uint32_t s = 0; s < server_->geometry().stream_count; s++) {
    const uint64_t state = server_->stream(s).state.load();
    const LaneRef first = server_->lane_at(s, 0);
    if ((state & 0xFF) != static_cast<uint64_t>(StreamState::kFree)) held("place", first, state);
    for (uint32_t l = 0; l < server_->pool_of(s).lanes_per_stream; l++) {
      const LaneRef lane = server_->lane_at(s, l);
      for (uint32_t r = 0; r < lane.reader_count; r++) {
        const uint64_t owner = lane.control->readers[r].owner.load();
        if (reader_state(owner) != ReaderState::kFree) held("reader", lane, owner);
      }
      for (uint32_t i = 0; i < lane.slots; i++) {
        const uint64_t pins = lane.headers[i].pins.load();
        if (pins != 0) held("pins", lane, pins);
      }
      const ClaimOwner owner = claim_owner(lane);
      if (owner.worker != kNoIndex && !owner.orphan) held("claim", lane, owner.worker);
    }
  }
  return free;
}

LaneWriter request_writer(Host& host, uint64_t stream_id) {
  LaneWriter writer;
  EXPECT_OK(writer.open(host.server(), host.request(stream_id), 0));
  return writer;
}

LaneWriter claim(Segment* worker, uint64_t stream_id, uint32_t lane) {
  LaneWriter writer;
  uint64_t token = 0;
  const LaneRef ref = lane_of(*worker, stream_id, lane);
  EXPECT_OK(claim_lane(worker, ref, &token));
  EXPECT_OK(writer.open(worker, ref, token));
  return writer;
}

LaneReader join(Segment* segment, uint64_t stream_id, uint32_t lane, int64_t from) {
  LaneReader reader;
  EXPECT_OK(reader.join(segment, lane_of(*segment, stream_id, lane), from));
  return reader;
}

uint32_t tail_count(LaneReader& reader, uint32_t max) {
  SlotView views[64];
  uint32_t count = 0;
  EXPECT_OK(reader.tail(views, max, &count));
  return count;
}

bool take_ring(const Segment& segment, uint32_t worker, uint32_t stream) {
  uint32_t streams[64];
  const uint32_t count = take_signals(segment, worker, streams, 64);
  for (uint32_t i = 0; i < count; i++) {
    if (streams[i] == stream) return true;
  }
  return false;
}

void forget_rings(const Segment& segment, uint32_t worker) { take_ring(segment, worker, 0); }

namespace {

// A multiplier per slot: neighbours in the slot and equal places of two slots differ.
uint64_t seed_of(uint64_t slot, uint64_t salt) {
  uint64_t x = slot * 0x9E3779B97F4A7C15ULL ^ salt;
  x ^= x >> 29;
  return x * 0xBF58476D1CE4E5B9ULL;
}

}  // namespace

void fill_pattern(uint8_t* target, uint32_t length, uint64_t slot, uint64_t salt) {
  const uint64_t seed = seed_of(slot, salt);
  for (uint32_t i = 0; i < length; i++) {
    target[i] = static_cast<uint8_t>((seed >> (i % 8 * 8)) + i / 8 * 31);
  }
}

bool is_pattern(const uint8_t* bytes, uint32_t length, uint64_t slot, uint64_t salt) {
  const uint64_t seed = seed_of(slot, salt);
  for (uint32_t i = 0; i < length; i++) {
    if (bytes[i] != static_cast<uint8_t>((seed >> (i % 8 * 8)) + i / 8 * 31)) return false;
  }
  return true;
}

std::vector<uint8_t> pattern(uint32_t length, uint64_t slot, uint64_t salt) {
  std::vector<uint8_t> bytes(length);
  fill_pattern(bytes.data(), length, slot, salt);
  return bytes;
}

void write_slots(LaneWriter& writer, uint32_t count, uint32_t length) {
  for (uint32_t i = 0; i < count; i++) {
    const auto bytes = pattern(length, writer.last() + 1);
    ASSERT_OK(writer.write(bytes.data(), length, kSlotBody));
  }
}

}  // namespace ur::test
