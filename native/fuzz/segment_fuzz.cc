// libFuzzer: a small real segment whose control words the input changes, between operations of the
// server, of a worker and of a monitor, and attachments, in an order that the input decides. Nothing may
// crash, hang or touch a byte outside what it is about: guards stand around the mapping, red zones
// between its tables and behind its slots.

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "core/claim.h"
#include "core/doorbell.h"
#include "core/ingress.h"
#include "core/lane_reader.h"
#include "core/lane_writer.h"
#include "core/verdict.h"
#include "test/support/redzones.h"
#include "test/support/server_side.h"

namespace {

using namespace ur;

void require(bool holds) {
  if (!holds) std::abort();
}

void any(Status) {}

// The input as numbers; zeros when it is over.
class Input {
 public:
  Input(const uint8_t* data, size_t size) : data_(data), left_(size) {}
  bool over() const { return left_ == 0; }
  template <typename T>
  T take() {
    T value = 0;
    const size_t size = std::min(sizeof value, left_);
    std::memcpy(&value, data_, size);
    data_ += size;
    left_ -= size;
    return value;
  }

 private:
  const uint8_t* data_;
  size_t left_;
};

std::unique_ptr<Segment> attach(Segment& server, Segment::Access access) {
  MemoryFile file;
  require(server.file().reopen(access != Segment::Access::kMonitor, &file) == Status::kOk);
  std::unique_ptr<Segment> segment;
  std::string detail;
  const Status status = Segment::attach(std::move(file), access, &segment, &detail);
  require((status == Status::kOk) == (segment != nullptr));
  require(status == Status::kOk || !detail.empty());
  return segment;
}

// The segment, and the bytes that it has when nothing is wrong. Lives as long as the process.
struct World {
  std::unique_ptr<Segment> server, worker, monitor;
  std::vector<uint8_t> sane;
  std::vector<std::pair<uint64_t, uint64_t>> control;  // without the gaps, which never change
  std::vector<std::unique_ptr<test::Redzones>> zones;

  World() {
    SegmentConfig config;
    PoolConfig pool{"first", 3, 1025, 8, 4, 2, 3, {"text"}};
    config.pools = {pool, {"second", 1, 4097, 3, 5, 0, 2, {}}};
    config.max_workers = 3;
    config.observers = {"scan"};
    std::string detail;
    require(Segment::create(config, &server, &detail) == Status::kOk);
    server->set_self(0);
    worker = attach(*server, Segment::Access::kWorker);
    worker->set_self(1);
    monitor = attach(*server, Segment::Access::kMonitor);
    sane.assign(server->base(), server->base() + server->geometry().control_size);
    for (const Segment* mapping : {server.get(), worker.get(), monitor.get()}) {
      zones.push_back(std::make_unique<test::Redzones>(*mapping));
    }
    control = zones[0]->between(sane.size());
  }

  void put_right() {
    for (const auto& [begin, end] : control) {
      std::memcpy(server->base() + begin, sane.data() + begin, end - begin);
    }
  }
  // The n-th word of the control blocks, round and round.
  AtomicU64& word(uint64_t n) {
    uint64_t words = 0;
    for (const auto& [begin, end] : control) words += (end - begin) / 8;
    n %= words;
    for (const auto& [begin, end] : control) {
      if (n < (end - begin) / 8) return reinterpret_cast<AtomicU64*>(server->base() + begin)[n];
      n -= (end - begin) / 8;
    }
    std::abort();
  }
};

class WorkerSide {
 public:
  explicit WorkerSide(Segment* segment) : segment_(segment) {}
  ~WorkerSide() {
    for (uint64_t id : pinned_) reader_.unpin(id);
  }

  void act(uint32_t operation, uint32_t argument) {
    const std::vector<uint64_t> ids = list_streams(*segment_, argument % 2 == 0);
    const uint64_t id = ids.empty() || argument % 8 == 7
                            ? argument
                            : ids[argument % static_cast<uint32_t>(ids.size())];
    LaneRef lane;
    const Status found = segment_->lane(id, argument % 4, &lane);
    switch (operation % 9) {
      case 0:
        if (found != Status::kOk) return;
        for (uint64_t pinned : pinned_) reader_.unpin(pinned);
        pinned_.clear();
        reader_.leave();
        return any(reader_.join(segment_, lane, static_cast<int64_t>(argument % 16) - 1));
      case 1:
        return read(argument);
      case 2:
        if (reader_.pin(argument % 32) == Status::kOk) pinned_.push_back(argument % 32);
        return any(reader_.ack(argument % 64));
      case 3:
        any(reader_.park());
        return any(reader_.verify(argument % 32));
      case 4: {
        uint64_t token = 0;
        if (found != Status::kOk || claim_lane(segment_, lane, &token) != Status::kOk) return;
        return any(writer_.open(segment_, lane, token));
      }
      case 5:
        return write(argument);
      case 6:
        return any(argument % 2 == 0 ? writer_.fail(Status::kWorkerFailed) : writer_.release());
      case 7:
        any(hold_verdict(segment_, id, argument % 3));
        return any(give_verdict(segment_, id, argument % 3, argument % 2 == 0, argument,
                                std::string(argument % 200, 'v')));
      default:
        pass_on(*segment_, id);
        wait_for_streams(*segment_, argument, argument % 2 == 0);
        uint32_t signals[4];
        take_signals(*segment_, 1, signals, argument % 5);
        Doorbell doorbell(*segment_, 1);
        doorbell.wait(0);
    }
  }

 private:
  void read(uint32_t argument) {
    SlotView views[4];
    uint32_t count = 0;
    any(reader_.tail(views, argument % 5, &count));
    for (uint32_t i = 0; i < count; i++) {
      const LaneRef& lane = reader_.lane();
      require(views[i].data == lane.slot_data(views[i].id) && views[i].length <= lane.slot_size);
    }
    if (argument % 2 == 0) any(reader_.ack(reader_.position()));
  }

  void write(uint32_t argument) {
    static const uint8_t kBytes[5000] = {};
    uint8_t* slot = nullptr;
    uint64_t taken = 0;
    switch (argument % 4) {
      case 0:
        return any(writer_.write(kBytes, argument / 4 % 5000, argument % 64));
      case 1:
        return any(writer_.append(kBytes, argument / 4 % 5000, &taken));
      case 2:
        return any(writer_.park());
      default:
        if (writer_.reserve(&slot) != Status::kOk) return;
        slot[0] = slot[writer_.lane().slot_size - 1] = 1;
        return any(writer_.commit(argument / 4 % 5000, kSlotBody));
    }
  }

  Segment* segment_;
  LaneReader reader_;
  LaneWriter writer_;
  std::vector<uint64_t> pinned_;
};

void watch(const Segment& monitor, uint32_t argument) {
  uint8_t into[8192];
  uint32_t length = 0;
  uint32_t flags = 0;
  for (const uint64_t id : list_streams(monitor, false)) {
    LaneRef lane;
    if (monitor.lane(id, argument % 4, &lane) != Status::kOk) continue;
    any(copy_slot(lane, argument % 16, into, sizeof into, &length, &flags));
    claim_owner(lane);
  }
}

// Changes one word of the control blocks: to a value of the input, or by a little.
void poke(World* world, Input* input) {
  AtomicU64& word = world->word(input->take<uint16_t>());
  switch (input->take<uint8_t>() % 4) {
    case 0:
      word.store(input->take<uint64_t>());
      break;
    case 1:
      word.fetch_add(static_cast<uint64_t>(int64_t{input->take<int8_t>()}));
      break;
    case 2:
      word.fetch_xor(1ULL << input->take<uint8_t>() % 64);
      break;
    default:
      word.store(input->take<uint8_t>());
  }
}

void look_at_attachments(Segment& server) {
  for (Segment::Access access : {Segment::Access::kWorker, Segment::Access::kMonitor}) {
    const std::unique_ptr<Segment> segment = attach(server, access);
    if (segment == nullptr) continue;
    require(segment->geometry().total_size == server.size());
    watch(*segment, 1);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static World* const world = new World();
  Segment& server = *world->server;
  world->put_right();
  Input input(data, size);
  test::ServerSide server_side(&server);
  WorkerSide worker_side(world->worker.get());
  bool attached = false;  // once: it costs as much as everything else
  for (int steps = 0; steps < 256 && !input.over(); steps++) {
    const uint8_t operation = input.take<uint8_t>();
    if (operation < 96) {
      poke(world, &input);
      continue;
    }
    const uint16_t argument = input.take<uint16_t>();
    if (operation < 170) {
      server_side.act(operation, argument);
    } else if (operation < 240) {
      worker_side.act(operation, argument);
    } else if (operation < 252) {
      watch(*world->monitor, argument);
    } else if (!attached) {
      look_at_attachments(server);
      attached = true;
    }
  }
  require(!server_side.saw_wrong_view());
  return 0;
}
