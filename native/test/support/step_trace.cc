#include "test/support/step_trace.h"

#include <gtest/gtest.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>

namespace ur::test {
namespace {

// The signal that stopped the child; 0 when it has ended.
int wait_for_stop(pid_t child) {
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_TRUE(WIFSTOPPED(status)) << "it ended with " << status;
  return WIFSTOPPED(status) ? WSTOPSIG(status) : 0;
}

}  // namespace

States trace_states(const Segment& segment, const std::function<int()>& victim,
                    const std::function<void()>& begin, const std::function<void()>& each) {
  States states;
  const pid_t child = fork();
  if (child == 0) {
    if (ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) _exit(2);
    _exit(victim());
  }
  EXPECT_GT(child, 1);
  if (child <= 1 || wait_for_stop(child) != SIGSTOP) return states;
  begin();
  const uint8_t* base = segment.base();
  const size_t control = segment.geometry().control_size;
  do {
    each();
    if (states.empty() || std::memcmp(base, states.back().data(), control) != 0) {
      states.emplace_back(base, base + segment.size());
    }
    ptrace(PTRACE_SINGLESTEP, child, nullptr, nullptr);
  } while (wait_for_stop(child) == SIGTRAP);
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  return states;
}

}  // namespace ur::test
