// The engine's thread with real sockets.
#include "rtmp/engine/engine.h"

#include <dirent.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <condition_variable>
#include <mutex>

#include "test/support/host.h"
#include "test/support/rtmp_bytes.h"

namespace ur::test {
namespace {

using Kind = RtmpNotice::Kind;
constexpr auto kPatience = std::chrono::seconds(60);

size_t open_files() {
  size_t count = 0;
  DIR* const folder = opendir("/proc/self/fd");
  while (readdir(folder) != nullptr) count++;
  closedir(folder);
  return count;
}

class RtmpEngineTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string detail;
    ASSERT_TRUE(engine_.start(
        [this] {
          const std::lock_guard lock(mutex_);
          notified_ = true;
          changed_.notify_all();
        },
        &detail))
        << detail;
    int ends[2];
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    client_ = ends[0];
    socket_ = engine_.adopt(ends[1], receiver_);
    ASSERT_NE(socket_, 0U);
    // It has a descriptor of its own.
    ::close(ends[1]);
  }
  void TearDown() override {
    engine_.close();
    if (client_ >= 0) ::close(client_);
  }

  void send(const Bytes& bytes) {
    size_t sent = 0;
    while (sent < bytes.size()) {
      const ssize_t count = ::send(client_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
      ASSERT_GT(count, 0);
      sent += static_cast<size_t>(count);
    }
  }
  // The next notice, waited for.
  RtmpNotice next() {
    RtmpNotice notice;
    while (!receiver_->next(&notice)) {
      std::unique_lock lock(mutex_);
      if (!changed_.wait_for(lock, kPatience, [this] { return notified_; })) {
        ADD_FAILURE() << "no notice came";
        return notice;
      }
      notified_ = false;
      lock.unlock();
      for (const uint32_t ready : engine_.take_ready()) EXPECT_EQ(ready, socket_);
    }
    return notice;
  }
  void go_on() {
    receiver_->go_on();
    engine_.go_on(socket_);
  }
  void shake() {
    send(rtmp_handshake());
    ASSERT_EQ(next().kind, Kind::kHello);
    go_on();
    ASSERT_EQ(next().kind, Kind::kShaken);
    go_on();
  }
  // `size` bytes that came back, or fewer where the connection has ended.
  Bytes receive(size_t size) {
    Bytes bytes(size);
    size_t got = 0;
    while (got < size) {
      pollfd wanted{client_, POLLIN, 0};
      if (poll(&wanted, 1, 60'000) <= 0) break;
      const ssize_t count = ::recv(client_, bytes.data() + got, size - got, 0);
      if (count <= 0) break;
      got += static_cast<size_t>(count);
    }
    bytes.resize(got);
    return bytes;
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  bool notified_ = false;
  RtmpEngine engine_;
  std::shared_ptr<RtmpReceiver> receiver_ = std::make_shared<RtmpReceiver>(1U << 20, 1U << 30);
  int client_ = -1;
  uint32_t socket_ = 0;
};

TEST_F(RtmpEngineTest, ReadsWritesAndSeesTheEnd) {
  shake();
  engine_.send(socket_, {1, 2, 3});
  EXPECT_EQ(receive(3), (Bytes{1, 2, 3}));
  send(rtmp_message(rtmp_type::kCommandAmf0, 0, {5}));
  send(rtmp_message(rtmp_type::kCommandAmf0, 0, {6}));
  ::shutdown(client_, SHUT_WR);
  EXPECT_EQ(next().payload, Bytes{5});
  go_on();
  EXPECT_EQ(next().payload, Bytes{6}) << "all of it comes before the end";
  go_on();
  EXPECT_EQ(next().kind, Kind::kEnd);
}

TEST_F(RtmpEngineTest, EndsAfterWhatWasSentAndDropsTheRest) {
  shake();
  engine_.send(socket_, Bytes(500'000, 9));
  receiver_->stop();
  engine_.end(socket_);
  send(Bytes(300'000, 0xFF));
  EXPECT_EQ(receive(500'001).size(), 500'000U);
  ::close(client_);
  client_ = -1;
  EXPECT_EQ(next().kind, Kind::kEnd);
}

TEST_F(RtmpEngineTest, WhoReadsNothingIsCutOff) {
  shake();
  for (int i = 0; i < 40; i++) engine_.send(socket_, Bytes(100'000));
  EXPECT_EQ(next().kind, Kind::kEnd);
}

TEST_F(RtmpEngineTest, ClosedSocketsAndAClosedEngineKeepNoDescriptor) {
  shake();
  engine_.close_socket(socket_);
  EXPECT_EQ(receive(1).size(), 0U) << "the end";
  const size_t before = open_files();
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  ASSERT_NE(engine_.adopt(ends[1], std::make_shared<RtmpReceiver>(1U << 20, 1U << 30)), 0U);
  ::close(ends[1]);
  engine_.close();
  EXPECT_EQ(engine_.adopt(ends[0], receiver_), 0U);
  ::close(ends[0]);
  EXPECT_EQ(open_files(), before - 2) << "those of the engine itself";
}

TEST_F(RtmpEngineTest, UnitsGoFromTheSocketIntoTheLane) {
  Host host;
  const uint64_t id = host.open();
  LaneWriter writer = request_writer(host, id);
  LaneReader reader = join(host.worker(1), id, kRequestLane);
  shake();
  receiver_->publish(1);
  uint64_t expected = 0;
  std::thread publisher([&] {
    send(rtmp_avc_config());
    for (uint32_t i = 0; i < 500; i++) send(rtmp_frame(i, i % 100 == 0, pattern(3000, i)));
    ::shutdown(client_, SHUT_WR);
  });
  for (uint32_t i = 0; i < 500; i++) expected += rtmp_unit_bytes(i % 100 == 0, pattern(3000, i));
  std::shared_ptr<LaneFeed> feed;
  uint64_t seen = 0;
  int blocks = 0;
  const auto take_all = [&] {
    SlotView views[16];
    uint32_t count = 1;
    while (count > 0) {
      EXPECT_OK(reader.tail(views, 16, &count));
      for (uint32_t i = 0; i < count; i++) {
        if ((views[i].flags & kSlotBody) != 0) seen += views[i].length;
      }
    }
    EXPECT_OK(reader.ack(reader.position()));
  };
  for (Kind kind = Kind::kHello; kind != Kind::kEnd;) {
    kind = next().kind;
    ASSERT_TRUE(kind == Kind::kUnit || kind == Kind::kBlocked || kind == Kind::kEnd);
    if (kind == Kind::kUnit) {
      feed = std::make_shared<LaneFeed>(writer, Bytes{'h'}, UINT64_MAX);
      receiver_->lend(feed);
    } else if (kind == Kind::kBlocked) {
      blocks++;
      Status status = Status::kFull;
      while (status == Status::kFull) {
        take_all();
        status = feed->drain();
      }
      ASSERT_OK(status);
    }
    go_on();
  }
  publisher.join();
  take_all();
  EXPECT_EQ(seen, expected);
  EXPECT_GT(blocks, 0);
}

}  // namespace
}  // namespace ur::test
