// Worker processes for tests. The zygote is forked while this process has one thread only, and forks
// the workers, so that none of them inherits a lock that another thread held. Make it before an Arbiter.
#pragma once

#include <sys/types.h>

#include <cstdint>

namespace ur::test {

struct WorkerArgs {
  char socket[108] = {};
  uint64_t seed = 0;
  uint64_t stream = 0;
  uint32_t mode = 0;
  uint32_t pause = 4096;  // about nanoseconds
};
// What a worker process does; its result is the process's exit status.
using WorkerMain = int (*)(const WorkerArgs&);

class Zygote {
 public:
  Zygote();
  Zygote(const Zygote&) = delete;
  Zygote& operator=(const Zygote&) = delete;
  ~Zygote();  // kills every worker that is left

  // Ends the test's process when there can be no worker: what would be signalled instead?
  pid_t start(WorkerMain main, const WorkerArgs& args);
  // Waits for the worker's end; its status as waitpid gives it.
  int reap(pid_t worker);

 private:
  int request(WorkerMain main, pid_t worker, const WorkerArgs& args);

  pid_t pid_ = -1;
  int socket_ = -1;
};

WorkerArgs worker_args(const char* socket, uint64_t seed = 0);

// UR_TEST_SEED, or another one at each run; printed, so that a run can be repeated.
uint64_t test_seed();
// UR_TEST_SECONDS, or `otherwise`: how long the long tests run.
double test_seconds(double otherwise);

}  // namespace ur::test
