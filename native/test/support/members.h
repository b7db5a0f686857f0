// What the tests of several ingress processes share: a socket, members in this process, and others that
// can be killed.
#pragma once

#include <csignal>

#include "core/doorbell.h"
#include "test/support/control.h"
#include "test/support/ingress_process.h"

namespace ur::test {

class Members : public ::testing::Test {
 protected:
  std::string socket() const { return folder_.file("control.sock"); }
  SessionOptions member() const { return session_options(socket()); }
  void create(Membership& first) {
    ASSERT_OK(first.create(shared_config(), socket(), "first", &detail_)) << detail_;
  }
  void join(Membership& other) { ASSERT_OK(other.join(member(), &detail_)) << detail_; }
  Status attach(Session& session, uint32_t role = kRoleResponder) {
    return session.attach(session_options(socket(), role), &detail_);
  }
  pid_t start(uint32_t mode, uint64_t streams = 0) {
    WorkerArgs args = worker_args(socket().c_str(), 7);
    args.mode = mode;
    args.stream = streams;
    return zygote_.start(ingress_process, args);
  }
  void end(pid_t process) {
    kill(process, SIGKILL);
    EXPECT_EQ(WTERMSIG(zygote_.reap(process)), SIGKILL);
  }
  static uint32_t free_places(const Segment& segment) {
    uint32_t count = 0;
    for (uint32_t s = 0; s < segment.geometry().stream_count; s++) {
      if (stream_state(segment.stream(s).state.load()) == StreamState::kFree) count++;
    }
    return count;
  }
  static uint64_t open(Membership& of, Ingress& ingress) {
    uint64_t id = 0;
    EXPECT_OK(ingress.open(0, "test", &id));
    EXPECT_EQ(of.segment()->stream(stream_index(id)).ingress.load(), of.segment()->self());
    return id;
  }
  // The first of the kind that the arbiter has to tell.
  ArbiterEvent next(Membership& of, ArbiterEvent::Kind kind) {
    ArbiterEvent found;
    EXPECT_TRUE(keep({&of}, [&] {
      for (ArbiterEvent& event : of.take_events()) {
        if (event.kind != kind) continue;
        found = std::move(event);
        return true;
      }
      return false;
    }));
    return found;
  }

  Zygote zygote_;  // first: it forks
  Folder folder_;
  std::string detail_;
};

}  // namespace ur::test
