// Listening, connecting, and a worker's side of a handshake that goes wrong.
#include "control/unix_socket.h"

#include <sys/stat.h>
#include <sys/wait.h>

#include <climits>
#include <fstream>
#include <thread>

#include "test/support/control.h"

namespace ur::test {
namespace {

class ListenTest : public ::testing::Test {
 protected:
  Status start(Arbiter& arbiter, const std::string& path) {
    const Status status = arbiter.listen(path, &detail_);
    return status == Status::kOk ? arbiter.start(host_.server(), "server", &detail_) : status;
  }
  Status start(const std::string& path) {
    Arbiter arbiter;
    return start(arbiter, path);
  }

  Folder folder_;
  Host host_;
  std::string detail_;
};

TEST_F(ListenTest, MakesAFolderAndASocketForOneUser) {
  const std::string path = folder_.file("made/control.sock");
  Arbiter arbiter;
  ASSERT_OK(start(arbiter, path)) << detail_;
  struct stat info = {};
  ASSERT_EQ(0, stat(path.c_str(), &info));
  EXPECT_EQ(info.st_mode & 0777, 0600U);
  ASSERT_EQ(0, stat(folder_.file("made").c_str(), &info));
  EXPECT_EQ(info.st_mode & 0777, 0700U);
}

TEST_F(ListenTest, RefusesWhatCannotBeASocket) {
  EXPECT_EQ(start(""), Status::kInvalidSocketPath);
  EXPECT_EQ(start(folder_.file(std::string(100, 'x'))), Status::kInvalidSocketPath);
  EXPECT_NE(detail_.find("107"), std::string::npos) << detail_;
  EXPECT_EQ(start(std::string("a\0b", 3)), Status::kInvalidSocketPath);
  const std::string path = folder_.file("file");
  std::ofstream(path) << "precious";
  EXPECT_EQ(start(path), Status::kInvalidSocketPath);
  EXPECT_EQ(start(folder_.file("no/such/folder/sock")), Status::kInvalidSocketPath);
  EXPECT_TRUE(std::filesystem::exists(path)) << "what is not ours is not removed";
}

TEST_F(ListenTest, AnArbiterThatCouldNotStartClosesNothingOfOthers) {
  const int next = open("/dev/null", O_RDONLY);
  close(next);
  {
    Arbiter arbiter;
    ASSERT_NE(start(arbiter, folder_.file("no/such/sock")), Status::kOk);
    ASSERT_EQ(open("/dev/null", O_RDONLY), next) << "the number that its socket had";
  }
  EXPECT_NE(fcntl(next, F_GETFD), -1) << "it has closed a stranger's descriptor";
  close(next);
}

TEST_F(ListenTest, ALivingServerKeepsItsSocketAndAStaleOneIsReplaced) {
  const std::string path = folder_.file("control.sock");
  Arbiter first;
  ASSERT_OK(start(first, path));
  EXPECT_EQ(start(path), Status::kSocketInUse);
  Session session;
  ASSERT_OK(session.attach(session_options(path), &detail_)) << "the failed start took it away";
  session.close();
  first.stop();
  UnixListener killed;
  ASSERT_OK(listen_unix(path, &killed, &detail_));
  close(killed.fd);
  close(killed.lock);
  ASSERT_TRUE(std::filesystem::exists(path));
  EXPECT_OK(start(path));
}

TEST_F(ListenTest, AnotherUserIsNotLetIn) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can become another user";
  const std::string path = folder_.file("control.sock");
  Arbiter arbiter;
  ASSERT_EQ(0, chmod(folder_.file("").c_str(), 0755));
  const auto attach_as_nobody = [&] {
    const pid_t child = fork();
    if (child == 0) {
      Session session;
      std::string text;
      if (setuid(65534) != 0) _exit(100);
      // Until the arbiter listens; it starts after the fork, which must not copy its thread.
      eventually([&] { return access(path.c_str(), F_OK) == 0; });
      Status status = Status::kServerGone;
      eventually([&] {
        status = session.attach(session_options(path), &text);
        return status != Status::kServerGone;
      });
      _exit(-static_cast<int>(status));
    }
    return child;
  };
  const pid_t by_mode = attach_as_nobody();
  ASSERT_OK(start(arbiter, path));
  int status = 0;
  waitpid(by_mode, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), -static_cast<int>(Status::kPermissionDenied));
  arbiter.stop();

  const pid_t by_credentials = attach_as_nobody();
  ASSERT_OK(start(arbiter, path));
  ASSERT_EQ(0, chmod(path.c_str(), 0666));
  waitpid(by_credentials, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), -static_cast<int>(Status::kPermissionDenied));
}

// A server that answers with whatever the test wants.
class SessionTest : public ::testing::Test {
 protected:
  SessionTest() {
    EXPECT_OK(listen_unix(folder_.file("sock"), &listener_, &detail_));
    fcntl(listener_.fd, F_SETFL, 0);
  }
  ~SessionTest() override { close_listener(&listener_); }

  // Attaches while `answer` runs with the connection on the other side.
  template <typename Answer>
  Status attach(Answer answer, int timeout_ms = 20'000) {
    std::thread server([&] {
      const int fd = accept(listener_.fd, nullptr, nullptr);
      Hello hello;
      EXPECT_EQ(recv(fd, &hello, sizeof hello, MSG_WAITALL), static_cast<ssize_t>(sizeof hello));
      answer(fd);
      close(fd);
    });
    SessionOptions options = session_options(folder_.file("sock"));
    options.timeout_ms = timeout_ms;
    Session session;
    const Status status = session.attach(options, &detail_);
    EXPECT_EQ(session.segment() != nullptr, status == Status::kOk);
    server.join();
    return status;
  }
  Welcome welcome(int32_t status = 0, uint32_t worker = 1) {
    Welcome message = {};
    message.magic = kControlMagic;
    message.status = status;
    message.worker = worker;
    message.segment_size = host_.server()->size();
    return message;
  }

  Host host_;
  Folder folder_;
  UnixListener listener_;
  std::string detail_;
};

TEST_F(SessionTest, NobodyThere) {
  Session session;
  EXPECT_EQ(session.attach(session_options(folder_.file("none")), &detail_), Status::kServerGone);
  EXPECT_EQ(session.attach(session_options(std::string(200, 'x')), &detail_),
            Status::kInvalidSocketPath);
  EXPECT_FALSE(session.connected());
  session.close();
}

TEST_F(SessionTest, AServerThatSaysNothingOrHangsUp) {
  EXPECT_EQ(attach([](int) {}), Status::kServerGone);
  EXPECT_EQ(attach([&](int fd) { EXPECT_EQ(send(fd, "half", 4, 0), 4); }), Status::kServerGone);
  EXPECT_EQ(attach([&](int fd) { eventually([&] { return is_closed(fd); }); }, 50),
            Status::kTimedOut);
}

TEST_F(SessionTest, AnswersThatAreNone) {
  const auto answered = [this](const Welcome& message, int fd = -1) {
    return attach([&](int to) { EXPECT_OK(send_with_fd(to, &message, sizeof message, fd)); });
  };
  Welcome message = welcome();
  message.magic++;
  EXPECT_EQ(answered(message), Status::kInvalidHandshake);
  EXPECT_EQ(answered(welcome()), Status::kInvalidHandshake) << "no segment came";
  for (int32_t status : {1, -999, -1000, INT_MIN, INT_MAX}) {
    EXPECT_EQ(answered(welcome(status)), Status::kInvalidHandshake) << status;
  }
  message = welcome(static_cast<int32_t>(Status::kNoFreeWorker));
  std::memset(message.text, 'x', sizeof message.text);
  EXPECT_EQ(answered(message), Status::kNoFreeWorker);
  EXPECT_EQ(detail_, std::string(sizeof message.text, 'x'));
  EXPECT_EQ(answered(welcome(), 0), Status::kInvalidHandshake) << "that is no segment";
  const int segment = host_.server()->file().fd();
  EXPECT_OK(answered(welcome(), segment));
  EXPECT_EQ(answered(welcome(0, 8), segment), Status::kInvalidHandshake);
  EXPECT_EQ(answered(welcome(0, kNoIndex), segment), Status::kInvalidHandshake);
  message = welcome();
  message.segment_size--;
  EXPECT_EQ(answered(message, segment), Status::kInvalidHandshake);
}

TEST_F(SessionTest, DescriptorsTooManyAreClosed) {
  const size_t before = open_descriptors();
  const Status status = attach([&](int to) {
    Welcome message = welcome();
    iovec part = {&message, sizeof message};
    alignas(cmsghdr) char control[CMSG_SPACE(3 * sizeof(int))] = {};
    msghdr header = {};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = control;
    header.msg_controllen = sizeof control;
    cmsghdr* rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(3 * sizeof(int));
    const int fds[3] = {listener_.fd, listener_.fd, host_.server()->file().fd()};
    std::memcpy(CMSG_DATA(rights), fds, sizeof fds);
    EXPECT_GT(sendmsg(to, &header, 0), 0);
  });
  EXPECT_NE(status, Status::kOk);
  EXPECT_EQ(open_descriptors(), before);
}

}  // namespace
}  // namespace ur::test
