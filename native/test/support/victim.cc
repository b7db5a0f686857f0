#include "test/support/victim.h"

#include <unistd.h>

#include <csignal>
#include <memory>

#include "core/claim.h"
#include "core/ingress.h"
#include "core/verdict.h"
#include "test/support/host.h"

namespace ur::test {
namespace {

void must(Status status) {
  if (status != Status::kOk) _exit(1);
}
void may(Status) {}

void with_reader(Victim& v) {
  SlotView views[8];
  uint32_t count = 0;
  must(v.reader.join(v.segment, v.request, 0));
  must(v.reader.tail(views, 8, &count));
}
void with_pin(Victim& v) {
  with_reader(v);
  must(v.reader.pin(2));
}
void with_claim(Victim& v) {
  uint64_t token = 0;
  must(claim_lane(v.segment, v.response, &token));
  must(v.writer.open(v.segment, v.response, token));
}
void write_one(Victim& v) {
  const auto bytes = pattern(300, v.writer.last() + 1);
  must(v.writer.write(bytes.data(), 300, kSlotBody));
}
void with_full_round(Victim& v) {
  with_claim(v);
  for (int i = 0; i < 8; i++) write_one(v);
}
void nothing(Victim&) {}

constexpr Operation kOperations[] = {
    {"join", nothing, [](Victim& v) { must(v.reader.join(v.segment, v.request, 0)); }},
    {"ack", with_reader, [](Victim& v) { must(v.reader.ack(3)); }},
    {"pin", with_reader, [](Victim& v) { must(v.reader.pin(2)); }},
    {"unpin", with_pin, [](Victim& v) { v.reader.unpin(2); }},
    {"leave", with_reader, [](Victim& v) { v.reader.leave(); }},
    {"park reader", with_reader, [](Victim& v) { may(v.reader.park()); }},
    {"claim", nothing, with_claim},
    {"first write", with_claim, write_one},
    {"overwrite", with_full_round, write_one},
    {"park writer", with_full_round, [](Victim& v) { may(v.writer.park()); }},
    {"reserve and commit", with_full_round,
     [](Victim& v) {
       uint8_t* slot = nullptr;
       must(v.writer.reserve(&slot));
       fill_pattern(slot, 50, v.writer.last() + 1);
       must(v.writer.commit(50, kSlotBody));
     }},
    {"append and flush", with_claim,
     [](Victim& v) {
       // A full slot and a part of one, each as its id says.
       uint64_t taken = 0;
       for (uint32_t length : {1024U, 500U}) {
         const auto bytes = pattern(length, v.writer.last() + 1);
         must(v.writer.append(bytes.data(), length, &taken));
       }
       must(v.writer.flush());
     }},
    {"claim and write a stage", nothing,
     [](Victim& v) {
       uint64_t token = 0;
       LaneRef stage;
       must(v.segment->lane(v.id, kFirstStageLane, &stage));
       must(claim_lane(v.segment, stage, &token));
       must(v.writer.open(v.segment, stage, token));
       write_one(v);
     }},
    {"end and release", with_claim,
     [](Victim& v) {
       must(v.writer.end());
       must(v.writer.release());
     }},
    {"fail", with_full_round, [](Victim& v) { must(v.writer.fail(Status::kWorkerFailed)); }},
    {"judge", nothing,
     [](Victim& v) {
       must(hold_verdict(v.segment, v.id, 0));
       must(give_verdict(v.segment, v.id, 0, false, 403, "no"));
     }},
    {"wait for streams", nothing,
     [](Victim& v) { wait_for_streams(*v.segment, kRoleResponder | kRoleObserver, true); }},
};

}  // namespace

std::span<const Operation> operations() { return kOperations; }

int run_victim(MemoryFile& file, uint64_t id, const Operation& operation) {
  MemoryFile own;
  must(file.reopen(true, &own));
  std::unique_ptr<Segment> segment;
  std::string detail;
  must(Segment::attach(std::move(own), Segment::Access::kWorker, &segment, &detail));
  segment->set_self(kVictim);
  Victim victim = {segment.get(), id, {}, {}, {}, {}};
  must(segment->lane(id, kRequestLane, &victim.request));
  must(segment->lane(id, kResponseLane, &victim.response));
  operation.prepare(victim);
  raise(SIGSTOP);
  operation.run(victim);
  raise(SIGSTOP);
  return 0;
}

}  // namespace ur::test
