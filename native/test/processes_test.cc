// Deaths of real processes that are not sudden, and some that are not deaths.
#include <fcntl.h>
#include <sys/wait.h>

#include <csignal>
#include <random>

#include "core/clock.h"
#include "test/support/control.h"
#include "test/support/zygote.h"

namespace ur::test {
namespace {

using Kind = ArbiterEvent::Kind;

enum Mode : uint32_t { kPlain, kWithChild, kExit };

// Attaches, joins the stream, claims it, and waits for its end in the way that `mode` says. `in_flight`
// of its row becomes not 0 when it is there; with a child, it is the child's process id.
int attached_worker(const WorkerArgs& args) {
  Session session;
  std::string detail;
  if (session.attach(session_options(args.socket), &detail) != Status::kOk) return 1;
  Segment* segment = session.segment();
  LaneReader reader;
  LaneRef lane;
  uint64_t token = 0;
  if (segment->lane(args.stream, kRequestLane, &lane) != Status::kOk ||
      reader.join(segment, lane, 0) != Status::kOk ||
      segment->lane(args.stream, kResponseLane, &lane) != Status::kOk ||
      claim_lane(segment, lane, &token) != Status::kOk) {
    return 2;
  }
  uint32_t sign = 1;
  if (args.mode == kWithChild) {
    const pid_t child = fork();
    if (child < 0) return 3;
    if (child == 0) {
      for (;;) pause();  // with everything that it has inherited
    }
    sign = static_cast<uint32_t>(child);
  }
  segment->worker(segment->self()).in_flight.store(sign);
  if (args.mode == kExit) return 0;
  while (session.connected()) {
    segment->worker(segment->self()).heartbeat_ns.fetch_add(1);
    const timespec moment = {0, 1'000'000};
    nanosleep(&moment, nullptr);
  }
  return 7;
}

int server_process(const WorkerArgs& args) {
  Host host;
  Arbiter arbiter;
  std::string detail;
  if (arbiter.listen(args.socket, &detail) != Status::kOk) return 1;
  if (arbiter.start(host.server(), "server", &detail) != Status::kOk) return 2;
  for (;;) pause();
}

class ProcessesTest : public ::testing::Test {
 protected:
  pid_t start(Mode mode) {
    WorkerArgs args = worker_args(server_.socket().c_str());
    args.stream = id_;
    args.mode = mode;
    const pid_t worker = zygote_.start(attached_worker, args);
    if (mode == kExit) return worker;
    EXPECT_TRUE(eventually([&] { return server_.row(1).in_flight.load() != 0; }));
    return worker;
  }
  void expect_dead(pid_t worker) {
    const ArbiterEvent event = server_.next(Kind::kDead);
    EXPECT_EQ(event.pid, static_cast<uint32_t>(worker));
    EXPECT_EQ(event.recovery.readers, 1U);
    EXPECT_EQ(event.recovery.claims, 1U);
    host_.finish(id_);
    EXPECT_TRUE(host_.is_all_free());
  }

  Zygote zygote_;
  Server server_;
  Host& host_ = server_.host();
  uint64_t id_ = host_.open();
};

TEST_F(ProcessesTest, AProcessThatEndsWithoutAWord) {
  const pid_t worker = start(kExit);
  EXPECT_EQ(zygote_.reap(worker), 0);
  expect_dead(worker);
}

TEST_F(ProcessesTest, KilledByPidfd) {
  const pid_t worker = start(kPlain);
  ASSERT_OK(server_.arbiter().kill(1));
  EXPECT_EQ(WTERMSIG(zygote_.reap(worker)), SIGKILL);
  expect_dead(worker);
  EXPECT_EQ(server_.arbiter().kill(1), Status::kInvalidArgument);
}

// The child keeps the socket open, so that its end is never seen; it cannot keep the mapping.
TEST_F(ProcessesTest, AChildThatLivesOnDoesNotHideADeath) {
  const pid_t worker = start(kWithChild);
  const auto child = static_cast<pid_t>(server_.row(1).in_flight.load());
  ASSERT_GT(child, 1);
  kill(worker, SIGKILL);
  zygote_.reap(worker);
  EXPECT_FALSE(server_.is_row_free(1) && kill(child, 0) != 0);
  expect_dead(worker);
  EXPECT_EQ(kill(child, SIGKILL), 0) << "it lives";
}

TEST_F(ProcessesTest, AStoppedProcessIsNotDead) {
  const pid_t worker = start(kPlain);
  server_.next(Kind::kAttached);
  kill(worker, SIGSTOP);
  // Longer than the arbiter's look at the locks.
  const uint64_t until = monotonic_ns() + kSecond * 5 / 4;
  eventually([&] { return monotonic_ns() > until; });
  EXPECT_FALSE(server_.is_row_free(1));
  EXPECT_TRUE(server_.arbiter().take_events().empty());
  const uint64_t before = server_.row(1).heartbeat_ns.load();
  kill(worker, SIGCONT);
  EXPECT_TRUE(eventually([&] { return server_.row(1).heartbeat_ns.load() > before; }));
  kill(worker, SIGSTOP);
  kill(worker, SIGKILL);
  zygote_.reap(worker);
  expect_dead(worker);
}

TEST_F(ProcessesTest, KilledWhileTheyAttach) {
  std::mt19937_64 random(test_seed());
  for (int i = 0; i < 60; i++) {
    WorkerArgs args = worker_args(server_.socket().c_str());
    args.stream = id_;
    const pid_t worker = zygote_.start(attached_worker, args);
    for (uint64_t n = random() % 400'000; n > 0; n--) {
      std::atomic_signal_fence(std::memory_order_seq_cst);
    }
    kill(worker, SIGKILL);
    zygote_.reap(worker);
  }
  EXPECT_TRUE(eventually([&] {
    for (uint32_t w = 1; w < 8; w++) {
      if (!server_.is_row_free(w)) return false;
    }
    return true;
  }));
  host_.finish(id_);
  EXPECT_TRUE(host_.is_all_free());
}

TEST_F(ProcessesTest, NothingIsInheritedByOtherPrograms) {
  Session session;
  std::string detail;
  const size_t before = open_descriptors();
  ASSERT_OK(session.attach(session_options(server_.socket()), &detail));
  // Two ends of a connection and a pidfd; the segment itself only while it is handed over.
  EXPECT_TRUE(eventually([&] { return open_descriptors() == before + 3; })) << open_descriptors();
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code error;
    const std::string what = std::filesystem::read_symlink(entry.path(), error);
    const int fd = std::stoi(entry.path().filename());
    const bool ours = what.starts_with("socket:") || what.find("upload-response") != what.npos ||
                      what.find("pidfd") != what.npos || what.find("ur-test") != what.npos;
    EXPECT_TRUE(!ours || (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0) << fd << " " << what;
  }
}

TEST(ServerDeathTest, WorkersSeeItAndAttachToTheNextServer) {
  Zygote zygote;
  Folder folder;
  const std::string socket = folder.file("sock");
  Session session;
  std::string detail;
  const auto attach = [&] { return session.attach(session_options(socket), &detail); };
  uint8_t boots[2][16];
  for (auto& boot : boots) {
    const pid_t server = zygote.start(server_process, worker_args(socket.c_str()));
    ASSERT_TRUE(eventually([&] { return attach() == Status::kOk; })) << detail;
    EXPECT_TRUE(session.connected());
    std::memcpy(boot, session.segment()->header().boot_uuid, sizeof boot);
    kill(server, SIGKILL);
    zygote.reap(server);
    EXPECT_TRUE(eventually([&] { return !session.connected(); }));
    EXPECT_EQ(session.segment()->header().magic, kSegmentMagic) << "still mapped";
    EXPECT_EQ(attach(), Status::kServerGone);
  }
  EXPECT_NE(0, std::memcmp(boots[0], boots[1], 16));
}

}  // namespace
}  // namespace ur::test
