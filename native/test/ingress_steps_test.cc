// An ingress process is traced through each of its operations, as a worker is in kill_steps_test.cc. In
// each state that it can leave behind the arbiter repairs what was its: its streams end, those who held
// something of them can let go, every place is free again, and nobody else's stream has noticed.
#include <algorithm>
#include <csignal>
#include <cstring>
#include <ostream>
#include <vector>

#include "core/doorbell.h"
#include "core/recovery.h"
#include "test/support/host.h"
#include "test/support/ingress_process.h"
#include "test/support/step_trace.h"

namespace ur::test {
namespace {

constexpr uint32_t kVictim = 1;  // the ingress that dies
constexpr uint32_t kWorker = 2;  // lives; reads and answers its stream
constexpr uint32_t kDeadWorker = 3;

void must(Status status) {
  if (status != Status::kOk) _exit(1);
}

// What the victim has when its operation begins.
struct Victim {
  Segment* segment;
  Ingress* ingress;
  uint64_t id = 0;
  LaneRef request, response;
  LaneWriter writer;
  LaneReader hold, answer;

  void open() {
    must(ingress->open(0, "steps", &id));
    must(segment->lane(id, kRequestLane, &request));
    must(segment->lane(id, kResponseLane, &response));
    must(writer.open(segment, request, 0));
  }
  void write_one() {
    const auto bytes = pattern(300, writer.last() + 1);
    must(writer.write(bytes.data(), 300, kSlotBody));
  }
};

// What the worker does before the victim's operation begins.
enum class Worker { kNothing, kReads, kAnswers, kHasDied };

struct Operation {
  const char* name;
  Worker worker;
  void (*prepare)(Victim&);
  void (*run)(Victim&);
};

void PrintTo(const Operation& operation, std::ostream* out) { *out << operation.name; }

void nothing(Victim&) {}
void opened(Victim& v) { v.open(); }
void written(Victim& v) {
  v.open();
  must(v.hold.join(v.segment, v.request, 0));
  must(v.answer.join(v.segment, v.response, 0));
  for (int i = 0; i < 8; i++) v.write_one();
}
void closed(Victim& v) {
  written(v);
  v.hold.leave();
  v.answer.leave();
  must(v.ingress->close(v.id));
}

const Operation kOperations[] = {
    {"open", Worker::kNothing, nothing, opened},
    {"join both lanes", Worker::kNothing, opened,
     [](Victim& v) {
       must(v.hold.join(v.segment, v.request, 0));
       must(v.answer.join(v.segment, v.response, 0));
     }},
    {"write the first slot", Worker::kNothing, opened, [](Victim& v) { v.write_one(); }},
    {"append and flush", Worker::kNothing, opened,
     [](Victim& v) {
       uint64_t taken = 0;
       const auto bytes = pattern(1500, 1);
       must(v.writer.append(bytes.data(), 1500, &taken));
       must(v.writer.flush());
     }},
    {"announce", Worker::kNothing, written, [](Victim& v) { v.ingress->announce_all(v.id); }},
    {"overwrite", Worker::kReads, written,
     [](Victim& v) {
       v.hold.leave();
       v.write_one();
     }},
    {"end", Worker::kReads, written,
     [](Victim& v) {
       v.hold.leave();
       must(v.writer.end());
       must(v.writer.release());
     }},
    {"read the answer", Worker::kAnswers, written,
     [](Victim& v) {
       SlotView views[8];
       uint32_t count = 0;
       must(v.answer.tail(views, 8, &count));
       must(v.answer.pin(1));
       must(v.answer.ack(count));
       v.answer.unpin(1);
     }},
    {"evict the worker", Worker::kAnswers, written,
     [](Victim& v) { v.ingress->evict(v.request, kWorker); }},
    {"queue again", Worker::kHasDied, written,
     [](Victim& v) {
       v.answer.leave();
       must(requeue_lane(v.segment, v.response));
       must(v.answer.join(v.segment, v.response, 0));
     }},
    {"abort", Worker::kAnswers, written,
     [](Victim& v) { must(v.ingress->abort(v.id, Status::kClientGone)); }},
    {"close", Worker::kAnswers, written, [](Victim& v) { must(v.ingress->close(v.id)); }},
    {"reclaim", Worker::kNothing, closed, [](Victim& v) { must(v.ingress->reclaim(v.id)); }},
};

class IngressStepsTest : public ::testing::TestWithParam<Operation> {
 protected:
  struct Others {
    Ingress ingress;  // the arbiter's
    LaneReader reader;
    LaneWriter answer;
    bool held = false;
  };

  IngressStepsTest() : host_(shared_config()) {
    for (uint32_t row : {kVictim, kWorker, kDeadWorker}) host_.worker(row);
    other_writer_ = request_writer(host_, other_id_);
    other_hold_ = join(host_.server(), other_id_, kRequestLane);
    other_reader_ = join(host_.worker(kWorker), other_id_, kRequestLane);
    write_slots(other_writer_, 3);
    wait_for_streams(*host_.worker(kWorker), kRoleResponder | kRoleObserver, true);
  }

  int run_victim() {
    MemoryFile own;
    must(host_.server()->file().reopen(true, &own));
    std::unique_ptr<Segment> segment;
    std::string detail;
    must(Segment::attach(std::move(own), Segment::Access::kIngress, &segment, &detail));
    segment->set_self(kVictim);
    Ingress ingress(segment.get());
    Victim victim = {segment.get(), &ingress, 0, {}, {}, {}, {}, {}};
    GetParam().prepare(victim);
    raise(SIGSTOP);
    GetParam().run(victim);
    raise(SIGSTOP);
    return 0;
  }

  // The victim's stream, 0 before it has one.
  uint64_t its_stream() const {
    for (uint32_t s = 0; s < host_.server()->geometry().stream_count; s++) {
      const StreamRow& row = host_.server()->stream(s);
      const uint64_t state = row.state.load();
      if (stream_state(state) != StreamState::kFree && row.ingress.load() == kVictim) {
        return make_stream_id(state_generation(state), s);
      }
    }
    return 0;
  }

  void begin() {
    const Worker does = GetParam().worker;
    const uint64_t id = its_stream();
    if (does == Worker::kReads || does == Worker::kAnswers) {
      others_.reader = join(host_.worker(kWorker), id, kRequestLane);
      EXPECT_EQ(tail_count(others_.reader), 8U);
      if (does == Worker::kReads) {
        EXPECT_OK(others_.reader.ack(4));
      }
      others_.held = true;
    }
    if (does == Worker::kAnswers) {
      others_.answer = claim(host_.worker(kWorker), id);
      write_slots(others_.answer, 2);
    }
    if (does == Worker::kHasDied) {
      LaneWriter writer = claim(host_.worker(kDeadWorker), id);
      write_slots(writer, 2);
      others_.reader = join(host_.worker(kWorker), id, kResponseLane);
      others_.held = true;
      recover_worker(*host_.server(), kDeadWorker);
    }
    forget_rings(*host_.server(), 0);
    forget_rings(*host_.worker(kWorker), kWorker);
  }

  void restore(const std::vector<uint8_t>& state, const Others& others) {
    std::memcpy(host_.server()->base(), state.data(), state.size());
    others_ = others;
  }

  // The worker looks, as it does when it is rung, and lets go.
  void worker_lets_go() {
    if (!others_.held) return;
    EXPECT_TRUE(has_signals(*host_.server(), kWorker)) << "nobody told it";
    SlotView views[8];
    uint32_t count = 0;
    const Status read = others_.reader.tail(views, 8, &count);
    EXPECT_TRUE(read == Status::kOk || read == Status::kEvicted) << status_name(read);
    const Status parked = others_.reader.park();
    EXPECT_TRUE(parked != Status::kEmpty) << "it would sleep for ever";
    others_.reader.leave();
    const Status released = others_.answer.release();
    EXPECT_TRUE(released == Status::kOk) << status_name(released);
  }

  void kill_and_repair() {
    const RecoveryReport report = recover_worker(*host_.server(), kVictim);
    EXPECT_EQ(host_.row(kVictim).owner.load() & 0xFF, 0U);
    EXPECT_EQ(its_stream(), 0U) << "it owns nothing any more";
    worker_lets_go();
    for (uint64_t id : report.streams) {
      EXPECT_OK(others_.ingress.reclaim(id));
    }
    EXPECT_EQ(recover_worker(*host_.server(), kVictim).streams.size(), 0U);
    // The others' stream goes on.
    EXPECT_EQ(stream_status(host_.request(other_id_)), Status::kOk);
    LaneReader other = other_reader_;
    EXPECT_EQ(tail_count(other), 3U);
    EXPECT_OK(other.verify(2));
    // Every other place can be used.
    std::vector<uint64_t> ids(3);
    for (uint64_t& id : ids) {
      ASSERT_OK(others_.ingress.open(0, "next", &id));
    }
    for (uint64_t id : ids) use(id);
    other.leave();
    LaneReader hold = other_hold_;
    hold.leave();
    ASSERT_OK(others_.ingress.close(other_id_));
    ASSERT_OK(others_.ingress.reclaim(other_id_));
    EXPECT_TRUE(host_.is_all_free());
  }

  void use(uint64_t id) {
    LaneWriter writer = request_writer(host_, id);
    LaneReader reader = join(host_.worker(kWorker), id, kRequestLane);
    for (int round = 0; round < 3; round++) {
      write_slots(writer, 8);
      ASSERT_EQ(tail_count(reader), 8U);
      ASSERT_OK(reader.ack(reader.position()));
    }
    LaneWriter answer = claim(host_.worker(kWorker), id);
    LaneReader back = join(host_.server(), id, kResponseLane);
    write_slots(answer, 8);
    ASSERT_EQ(tail_count(back), 8U);
    back.leave();
    reader.leave();
    ASSERT_OK(answer.release());
    ASSERT_OK(others_.ingress.close(id));
    ASSERT_OK(others_.ingress.reclaim(id));
  }

  Host host_;
  uint64_t other_id_ = host_.open();
  LaneWriter other_writer_;
  LaneReader other_hold_, other_reader_;
  Others others_{host_.ingress(), {}, {}};
};

TEST_P(IngressStepsTest, ItsStreamsEndAndNothingIsLeft) {
  const States states = trace_states(
      *host_.server(), [this] { return run_victim(); }, [this] { begin(); }, [] {});
  ASSERT_FALSE(HasFailure());
  ASSERT_GT(states.size(), 1U) << "the operation has changed nothing";
  RecordProperty("states", static_cast<int>(states.size()));
  const Others others = others_;
  for (size_t i = 0; i < states.size(); i++) {
    restore(states[i], others);
    kill_and_repair();
    ASSERT_FALSE(HasFailure()) << "in state " << i << " of " << states.size();
  }
}

INSTANTIATE_TEST_SUITE_P(Operations, IngressStepsTest, ::testing::ValuesIn(kOperations),
                         [](const ::testing::TestParamInfo<Operation>& operation) {
                           std::string name = operation.param.name;
                           std::replace(name.begin(), name.end(), ' ', '_');
                           return name;
                         });

}  // namespace
}  // namespace ur::test
