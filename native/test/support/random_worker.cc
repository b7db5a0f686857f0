#include "test/support/random_worker.h"

#include <unistd.h>

#include <random>

#include "control/session.h"
#include "core/claim.h"
#include "core/doorbell.h"
#include "core/ingress.h"
#include "core/lane_reader.h"
#include "core/lane_writer.h"
#include "core/verdict.h"
#include "test/support/host.h"

namespace ur::test {
namespace {

class Worker {
 public:
  Worker(Segment* segment, uint64_t seed)
      : segment_(segment), doorbell_(*segment, segment->self()), random_(seed) {}

  void turn() {
    segment_->worker(segment_->self()).in_flight.fetch_add(1, std::memory_order_relaxed);
    const std::vector<uint64_t> streams = list_streams(*segment_, chance(2));
    if (streams.empty()) {
      wait();
      return;
    }
    const uint64_t id = streams[pick(streams.size())];
    switch (pick(8)) {
      case 0:
      case 1:
        return read(id, kRequestLane);
      case 2:
      case 3:
      case 4:
        return answer(id, kResponseLane);
      case 5:
        return chance(2) ? answer(id, kFirstStageLane) : read(id, kFirstStageLane);
      case 6:
        return judge(id);
      default:
        return copy(id);
    }
  }

 private:
  uint64_t pick(uint64_t count) { return random_() % count; }
  bool chance(uint64_t one_in) { return pick(one_in) == 0; }

  void wait() {
    wait_for_streams(*segment_, kRoleResponder | kRoleObserver, true);
    doorbell_.wait(1'000'000);
    uint32_t streams[64];
    take_signals(*segment_, segment_->self(), streams, 64);
  }

  void read(uint64_t id, uint32_t index) {
    LaneRef lane;
    LaneReader reader;
    if (segment_->lane(id, index, &lane) != Status::kOk ||
        reader.join(segment_, lane, chance(4) ? LaneReader::kFromNewest : 0) != Status::kOk) {
      return;
    }
    LaneContent content(lane);
    for (uint64_t round = pick(12); round > 0; round--) {
      SlotView views[8];
      uint32_t count = 0;
      const Status status = reader.tail(views, 1 + static_cast<uint32_t>(pick(8)), &count);
      if (status == Status::kSegmentCorrupt) _exit(kWorkerSawCorruption);
      if (status != Status::kOk) break;
      if (count == 0) {
        if (reader.park() != Status::kEmpty) break;
        wait();
        continue;
      }
      if (!look_at(reader, views, count, &content)) break;
      if (views[count - 1].flags == kSlotEnd) break;
    }
    reader.leave();
  }

  // False when the place was taken away; what was read since then counts for nothing.
  bool look_at(LaneReader& reader, const SlotView* views, uint32_t count, LaneContent* content) {
    bool right = true;
    Status hash = Status::kOk;
    for (uint32_t i = 0; i < count; i++) {
      if (views[i].flags == kSlotEnd) continue;
      right = right && content->is_right(views[i]);
      if (hash == Status::kOk) hash = reader.verify(views[i].id);
    }
    const SlotView& kept = views[pick(count)];
    const bool pinned = chance(3) && reader.pin(kept.id) == Status::kOk;
    const bool mine = reader.ack(views[count - 1].id) == Status::kOk;
    if (mine && !right) _exit(kWorkerSawWrongBytes);
    if (mine && hash != Status::kOk) _exit(kWorkerSawWrongHash);
    if (!pinned) return mine;
    for (uint64_t i = pick(3000); i > 0; i--) std::atomic_signal_fence(std::memory_order_seq_cst);
    // Set while the place was ours: the bytes stay, whatever became of the place meanwhile.
    if (mine && kept.flags != kSlotEnd && !content->is_right(kept)) _exit(kWorkerSawWrongPinnedBytes);
    reader.unpin(kept.id);
    return mine;
  }

  void answer(uint64_t id, uint32_t index) {
    LaneRef lane;
    uint64_t token = 0;
    LaneWriter writer;
    if (segment_->lane(id, index, &lane) != Status::kOk ||
        claim_lane(segment_, lane, &token) != Status::kOk) {
      return;
    }
    if (writer.open(segment_, lane, token) != Status::kOk) _exit(kWorkerSawCorruption);
    const uint64_t salt = lane_salt(id, index, token >> 16 & 0xFFFF);
    Status status = Status::kOk;
    for (uint64_t slots = pick(300); status == Status::kOk && writer.last() < slots;) {
      status = wait_for_room(&writer, chance(2) ? write_slot(&writer, salt)
                                                : fill_slot(&writer, salt));
    }
    while (status == Status::kOk && !writer.ended() && !chance(200)) {
      status = wait_for_room(&writer, writer.end());
    }
    if (chance(50)) status = writer.fail(Status::kWorkerFailed);
    status = writer.release();
    (void)status;
  }

  Status write_slot(LaneWriter* writer, uint64_t salt) {
    uint8_t bytes[1024];
    const uint64_t next = writer->last() + 1;
    fill_pattern(bytes, pattern_length(next), next, salt);
    return writer->write(bytes, pattern_length(next), kSlotBody);
  }

  Status fill_slot(LaneWriter* writer, uint64_t salt) {
    uint8_t* slot = nullptr;
    const uint64_t next = writer->last() + 1;
    const Status status = writer->reserve(&slot);
    if (status != Status::kOk) return status;
    fill_pattern(slot, pattern_length(next), next, salt);
    return writer->commit(pattern_length(next), kSlotBody);
  }

  // kOk when it makes sense to try (again).
  Status wait_for_room(LaneWriter* writer, Status status) {
    if (status != Status::kFull && status != Status::kPinned) return status;
    status = writer->park();
    if (status != Status::kFull || chance(300)) return status;
    wait();
    return Status::kOk;
  }

  void judge(uint64_t id) {
    const uint32_t observer = static_cast<uint32_t>(pick(2));
    if (hold_verdict(segment_, id, observer) != Status::kOk) return;
    const Status status = give_verdict(segment_, id, observer, chance(2), 403, "random");
    (void)status;
  }

  void copy(uint64_t id) {
    LaneRef lane;
    if (segment_->lane(id, kRequestLane, &lane) != Status::kOk) return;
    for (uint64_t round = pick(20); round > 0; round--) {
      const uint64_t last = lane.control->last.load(std::memory_order_acquire);
      if (last == 0) return;
      const uint64_t slot = last - std::min(last - 1, pick(lane.slots));
      uint8_t into[1024];
      uint32_t length = 0;
      uint32_t flags = 0;
      if (copy_slot(lane, slot, into, sizeof into, &length, &flags) != Status::kOk) continue;
      if (flags == kSlotEnd) continue;
      if (length != pattern_length(slot) || !is_pattern(into, length, slot, lane_salt(id, kRequestLane, 0))) {
        _exit(kWorkerSawTornCopy);
      }
    }
  }

  Segment* segment_;
  Doorbell doorbell_;
  std::mt19937_64 random_;
};

}  // namespace

int random_worker(const WorkerArgs& args) {
  Session session;
  SessionOptions options;
  options.socket = args.socket;
  options.name = "random";
  options.role = kRoleResponder | kRoleObserver;
  options.timeout_ms = 20'000;
  std::string detail;
  const Status status = session.attach(options, &detail);
  if (status != Status::kOk) return status == Status::kServerGone ? kWorkerDone : kWorkerNotAttached;
  Worker worker(session.segment(), args.seed);
  for (uint32_t turn = 0; turn % 64 != 0 || session.connected(); turn++) worker.turn();
  return kWorkerDone;
}

}  // namespace ur::test
