#include "test/support/ingress_process.h"

#include <time.h>

#include <random>
#include <vector>

#include "test/support/host.h"

namespace ur::test {
namespace {

SessionOptions member_options(const char* socket) {
  SessionOptions options;
  options.socket = socket;
  options.name = "member";
  return options;
}

void write_three(Segment* segment, uint64_t id) {
  LaneRef lane;
  LaneWriter writer;
  if (segment->lane(id, kRequestLane, &lane) != Status::kOk) return;
  if (writer.open(segment, lane, 0) != Status::kOk) return;
  for (uint64_t slot = 1; slot <= 3; slot++) {
    const auto bytes = pattern(200, slot, id);
    if (writer.write(bytes.data(), 200, kSlotBody) != Status::kOk) return;
  }
}

// Takes, uses and gives back a place; 1 when what it wrote is another's meanwhile.
int churn(Segment* segment, Ingress* ingress, std::mt19937_64* random) {
  uint64_t id = 0;
  if (ingress->open(0, "churn", &id) != Status::kOk) return 0;
  LaneReader hold, answer;
  LaneRef request, response;
  if (segment->lane(id, kRequestLane, &request) != Status::kOk) return 1;
  if (segment->lane(id, kResponseLane, &response) != Status::kOk) return 1;
  if (hold.join(segment, request, 0) != Status::kOk) return 1;
  if (answer.join(segment, response, 0) != Status::kOk) return 1;
  write_three(segment, id);
  ingress->announce_all(id);
  for (uint64_t i = (*random)() % 3000; i > 0; i--) std::atomic_signal_fence(std::memory_order_seq_cst);
  SlotView views[8];
  uint32_t count = 0;
  if (hold.tail(views, 8, &count) != Status::kOk || count != 3) return 1;
  for (uint32_t i = 0; i < count; i++) {
    if (!is_pattern(views[i].data, views[i].length, views[i].id, id)) return 1;
  }
  if (request.row->ingress.load() != segment->self()) return 1;
  hold.leave();
  answer.leave();
  if (ingress->close(id) != Status::kOk) return 1;
  return ingress->reclaim(id) == Status::kOk ? 0 : 1;
}

}  // namespace

SegmentConfig shared_config() {
  SegmentConfig config = small_config();
  config.resumable = true;
  return config;
}

int ingress_process(const WorkerArgs& args) {
  Membership member;
  std::string detail;
  const Status status = args.mode == kCreates
                            ? member.create(shared_config(), args.socket, "first", &detail)
                            : member.join(member_options(args.socket), &detail);
  if (status != Status::kOk) return 2;
  Ingress ingress(member.segment());
  for (uint64_t i = 0; i < args.stream; i++) {
    uint64_t id = 0;
    if (ingress.open(0, "test", &id) != Status::kOk) return 3;
    write_three(member.segment(), id);
  }
  std::mt19937_64 random(args.seed);
  const timespec moment = {0, 2'000'000};
  while (member.connected()) {
    member.segment()->worker(member.segment()->self()).heartbeat_ns.fetch_add(1);
    if (args.mode != kChurns) nanosleep(&moment, nullptr);
    else if (churn(member.segment(), &ingress, &random) != 0) return 4;
  }
  return 5;
}

}  // namespace ur::test
