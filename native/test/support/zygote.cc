#include "test/support/zygote.h"

#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <set>

#include "core/clock.h"

namespace ur::test {
namespace {

struct Command {
  WorkerMain main;  // nullptr: reap
  pid_t worker;
  WorkerArgs args;
};

[[noreturn]] void serve(int socket) {
  std::set<pid_t> workers;
  Command command;
  while (recv(socket, &command, sizeof command, 0) == static_cast<ssize_t>(sizeof command)) {
    int answer = 0;
    if (command.main == nullptr) {
      waitpid(command.worker, &answer, 0);
      workers.erase(command.worker);
    } else {
      answer = fork();
      if (answer == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(socket);
        _exit(command.main(command.args));
      }
      if (answer > 0) workers.insert(answer);
    }
    if (send(socket, &answer, sizeof answer, MSG_NOSIGNAL) < 0) break;
  }
  for (pid_t worker : workers) kill(worker, SIGKILL);
  _exit(0);
}

}  // namespace

Zygote::Zygote() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) std::abort();
  pid_ = fork();
  if (pid_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    close(ends[0]);
    serve(ends[1]);
  }
  close(ends[1]);
  socket_ = ends[0];
}

Zygote::~Zygote() {
  close(socket_);
  waitpid(pid_, nullptr, 0);
}

int Zygote::request(WorkerMain main, pid_t worker, const WorkerArgs& args) {
  const Command command = {main, worker, args};
  int answer = -1;
  EXPECT_EQ(send(socket_, &command, sizeof command, MSG_NOSIGNAL),
            static_cast<ssize_t>(sizeof command));
  EXPECT_EQ(recv(socket_, &answer, sizeof answer, 0), static_cast<ssize_t>(sizeof answer));
  return answer;
}

pid_t Zygote::start(WorkerMain main, const WorkerArgs& args) {
  const pid_t worker = request(main, 0, args);
  if (worker <= 1) std::abort();
  return worker;
}

int Zygote::reap(pid_t worker) { return request(nullptr, worker, WorkerArgs()); }

WorkerArgs worker_args(const char* socket, uint64_t seed) {
  WorkerArgs args;
  std::strncpy(args.socket, socket, sizeof args.socket - 1);
  args.seed = seed;
  return args;
}

uint64_t test_seed() {
  const char* given = std::getenv("UR_TEST_SEED");
  const uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 10) : monotonic_ns();
  std::printf("UR_TEST_SEED=%llu\n", static_cast<unsigned long long>(seed));
  std::fflush(stdout);
  return seed;
}

double test_seconds(double otherwise) {
  const char* given = std::getenv("UR_TEST_SECONDS");
  return given != nullptr ? std::strtod(given, nullptr) : otherwise;
}

}  // namespace ur::test
