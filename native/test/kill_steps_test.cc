// A worker is traced through each of its operations instruction by instruction, and the segment copied
// whenever a word of it has changed: these are all the states in which a SIGKILL or a SIGSTOP can leave
// it. In each of them everybody else must go on, and after recovery nothing may be left.
#include <algorithm>
#include <cstring>
#include <functional>
#include <vector>

#include "core/doorbell.h"
#include "core/recovery.h"
#include "test/support/host.h"
#include "test/support/step_trace.h"
#include "test/support/victim.h"

namespace ur::test {
namespace {

constexpr uint32_t kOther = 2;

void may(Status) {}

class KillStepsTest : public ::testing::TestWithParam<Operation> {
 protected:
  // What the server and the other worker know by themselves.
  struct Others {
    Ingress ingress;
    LaneWriter writer;
    LaneReader hold, answer, other;
  };

  KillStepsTest() {
    host_.worker(kVictim);
    others_.writer = request_writer(host_, id_);
    others_.hold = join(host_.server(), id_, kRequestLane);
    others_.answer = join(host_.server(), id_, kResponseLane);
    others_.other = join(host_.worker(kOther), id_, kRequestLane);
    write_slots(others_.writer, 8, 300);
  }

  // Runs the operation; fills states_.
  void trace() {
    states_ = trace_states(
        *host_.server(), [this] { return run_victim(host_.server()->file(), id_, GetParam()); },
        [this] {
          read_answer();
          EXPECT_EQ(others_.answer.park(), Status::kEmpty);
          EXPECT_EQ(others_.writer.park(), Status::kFull);
          forget_rings(*host_.server(), 0);
        },
        [this] {
          // Whoever takes the writer's wish to be rung has signalled it before.
          EXPECT_TRUE(host_.request(id_).control->writer_parked.load() != 0 ||
                      has_signals(*host_.server(), 0));
        });
  }

  void read_answer() {
    SlotView views[8];
    uint32_t count = 0;
    ASSERT_OK(others_.answer.tail(views, 8, &count));
    for (uint32_t i = 0; i < count; i++) {
      ASSERT_OK(others_.answer.verify(views[i].id));
      ASSERT_TRUE(is_pattern(views[i].data, views[i].length, views[i].id));
    }
    ASSERT_OK(others_.answer.ack(others_.answer.position()));
  }
  void write_and_read_on() {
    read_answer();
    const auto bytes = pattern(300, others_.writer.last() + 1);
    const Status written = others_.writer.write(bytes.data(), 300, kSlotBody);
    ASSERT_TRUE(written == Status::kOk || written == Status::kFull || written == Status::kPinned);
    SlotView views[8];
    uint32_t count = 0;
    ASSERT_OK(others_.other.tail(views, 8, &count));
    for (uint32_t i = 0; i < count; i++) ASSERT_OK(others_.other.verify(views[i].id));
    ASSERT_OK(others_.other.ack(others_.other.position()));
    may(others_.writer.park());
    others_.ingress.announce_all(id_);
  }
  void another_answers() {
    const LaneRef lane = host_.response(id_);
    read_answer();
    if (claim_owner(lane).orphan) {
      others_.answer.leave();
      ASSERT_OK(requeue_lane(host_.server(), lane));
      others_.answer = join(host_.server(), id_, kResponseLane);
    }
    if (lane.control->last.load() > 0) return;  // it had given the claim back
    LaneWriter writer = claim(host_.worker(kOther), id_);
    for (int round = 0; round < 3; round++) {
      write_slots(writer, 8, 300);
      read_answer();
    }
    ASSERT_OK(writer.release());
  }
  void let_go() {
    for (LaneReader* reader : {&others_.hold, &others_.answer, &others_.other}) reader->leave();
    ASSERT_OK(others_.writer.release());
    ASSERT_OK(others_.ingress.close(id_));
  }
  void expect_all_free() {
    ASSERT_OK(others_.ingress.reclaim(id_));
    ASSERT_TRUE(host_.is_all_free());
    EXPECT_EQ(host_.server()->header().responders_waiting.load(), 0U);
    EXPECT_EQ(host_.server()->header().observers_waiting.load(), 0U);
  }

  // Puts everything back to `state` and to what the others knew then.
  void restore(const std::vector<uint8_t>& state, const Others& others) {
    std::memcpy(host_.server()->base(), state.data(), state.size());
    others_ = others;
  }
  void kill_at_once() {
    recover_worker(*host_.server(), kVictim);
    others_.hold.leave();
    for (int round = 0; round < 20; round++) write_and_read_on();
    EXPECT_GE(others_.writer.last(), 20U) << "the dead is in the way";
    another_answers();
    let_go();
    expect_all_free();
  }
  void stop_evict_and_kill() {
    others_.hold.leave();
    for (int round = 0; round < 10; round++) write_and_read_on();
    others_.ingress.evict(host_.request(id_), kVictim);
    for (int round = 0; round < 10; round++) write_and_read_on();
    kill_at_once();
  }
  void stop_close_and_kill() {
    let_go();
    const Status held = others_.ingress.reclaim(id_);
    if (held == Status::kOk) return;
    ASSERT_EQ(held, Status::kFull);
    recover_worker(*host_.server(), kVictim);
    expect_all_free();
  }

  Host host_;
  uint64_t id_ = host_.open();
  Others others_{host_.ingress(), {}, {}, {}, {}};
  States states_;
};

TEST_P(KillStepsTest, NothingIsLeftAndNobodyWaits) {
  trace();
  ASSERT_FALSE(HasFailure());
  ASSERT_GT(states_.size(), 1U) << "the operation has changed nothing";
  RecordProperty("states", static_cast<int>(states_.size()));
  const Others others = others_;
  const std::pair<const char*, std::function<void()>> variants[] = {
      {"killed", [this] { kill_at_once(); }},
      {"stopped, evicted, killed", [this] { stop_evict_and_kill(); }},
      {"stopped, stream closed, killed", [this] { stop_close_and_kill(); }}};
  for (size_t i = 0; i < states_.size(); i++) {
    for (const auto& [name, variant] : variants) {
      restore(states_[i], others);
      variant();
      ASSERT_FALSE(HasFailure()) << name << " in state " << i << " of " << states_.size();
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Operations, KillStepsTest,
                         ::testing::ValuesIn(operations().begin(), operations().end()),
                         [](const ::testing::TestParamInfo<Operation>& operation) {
                           std::string name = operation.param.name;
                           std::replace(name.begin(), name.end(), ' ', '_');
                           return name;
                         });

}  // namespace
}  // namespace ur::test
