// The engine with callers of libsrt's own, on loopback: what they send comes into lanes, whole and in order.
#ifdef UR_SRT
#include "srt/engine/engine.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <random>

#include "test/support/host.h"
#include "test/support/srt_client.h"
#include "test/support/waiting.h"

// libsrt is not built with sanitizers: of its atomics TSan sees nothing. What is reported of our own code
// has no frame of its. Lanes that are filled in place have such a test without it (lane_feed_test).
extern "C" __attribute__((visibility("default"))) const char* __tsan_default_suppressions();
const char* __tsan_default_suppressions() { return "race:srt::\ndeadlock:srt::\n"; }

namespace ur::test {
namespace {

using Kind = SrtEvent::Kind;
constexpr auto kPatience = std::chrono::seconds(60);
constexpr uint64_t kNoLimit = UINT64_MAX;
constexpr uint32_t kAnyLength = 300'000;

SegmentConfig config_of_slots(uint32_t bytes) {
  SegmentConfig config = small_config();
  config.pools[0].slot_size = bytes;
  return config;
}

// One caller's body, and how it ended.
struct Upload {
  Upload(Host& host, uint64_t limit)
      : id(host.open()),
        reader(join(host.worker(1), id, kRequestLane)),
        feed(std::make_shared<LaneFeed>(request_writer(host, id), Bytes{}, limit)) {}

  void take_all() {
    SlotView views[16];
    uint32_t count = 1;
    while (count > 0) {
      EXPECT_OK(reader.tail(views, 16, &count));
      for (uint32_t i = 0; i < count; i++) {
        EXPECT_OK(reader.verify(views[i].id)) << "the hash of slot " << views[i].id;
        bytes.insert(bytes.end(), views[i].data, views[i].data + views[i].length);
        borders.push_back(bytes.size());
      }
    }
    EXPECT_OK(reader.ack(reader.position()));
  }

  uint64_t id;
  LaneReader reader;
  std::shared_ptr<LaneFeed> feed;
  Bytes bytes;
  std::vector<size_t> borders;  // of slots
  int full = 0;
};

class SrtEngineTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string detail;
    const auto notify = [this] {
      const std::lock_guard lock(mutex_);
      notified_ = true;
      changed_.notify_all();
    };
    ASSERT_TRUE(engine_.start(notify, &detail)) << detail;
    ASSERT_TRUE(engine_.listen(srt_options(false), &live_port_, &detail)) << detail;
    ASSERT_TRUE(engine_.listen(srt_options(true), &file_port_, &detail)) << detail;
  }
  void TearDown() override { engine_.close(); }

  // The next event, waited for.
  SrtEvent next() {
    while (events_.empty()) {
      std::unique_lock lock(mutex_);
      if (!changed_.wait_for(lock, kPatience, [this] { return notified_; })) {
        ADD_FAILURE() << "no event came";
        return {Kind::kBroken};
      }
      notified_ = false;
      lock.unlock();
      events_ = engine_.take_events();
    }
    SrtEvent event = events_.front();
    events_.erase(events_.begin());
    return event;
  }
  // The socket of the next caller.
  int accept() {
    const SrtEvent event = next();
    EXPECT_EQ(event.kind, Kind::kConnected);
    EXPECT_EQ(event.peer, "127.0.0.1");
    return event.socket;
  }
  // Reads until something other than a full lane is told.
  SrtEvent follow(Upload& upload) {
    for (;;) {
      SrtEvent event = next();
      if (event.kind != Kind::kFull) {
        upload.take_all();
        return event;
      }
      upload.full++;
      make_room(upload);
      engine_.go_on(event.socket);
    }
  }
  static void make_room(Upload& upload) {
    Status status = Status::kFull;
    while (status == Status::kFull) {
      upload.take_all();
      status = upload.feed->drain();
    }
    EXPECT_OK(status);
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  bool notified_ = false;
  std::vector<SrtEvent> events_;
  uint16_t live_port_ = 0;
  uint16_t file_port_ = 0;
  SrtEngine engine_;
};

TEST_F(SrtEngineTest, BytesComeAndHoldTheSenderBackWhileTheLaneIsFull) {
  Host host;
  Upload upload(host, kNoLimit);
  SrtClient client(file_port_, true);
  const int socket = accept();
  engine_.arm(socket, true, false);
  std::thread sender([&] {
    client.send(pattern(kAnyLength, 1));
    client.leave();
  });
  EXPECT_EQ(next().kind, Kind::kReady);
  engine_.lend(socket, upload.feed, UINT64_MAX);
  EXPECT_EQ(follow(upload).kind, Kind::kEnd);
  sender.join();
  EXPECT_EQ(upload.bytes, pattern(kAnyLength, 1));
  EXPECT_GT(upload.full, 0);
  EXPECT_EQ(upload.feed->bytes(), kAnyLength);
}

TEST_F(SrtEngineTest, WhatACallerHasLeftBehindIsRead) {
  Host host;
  Upload upload(host, kNoLimit);
  const Bytes bytes = pattern(kAnyLength, 2);
  {
    SrtClient client(file_port_, true);
    client.send(bytes);
    client.leave();
  }
  const int socket = accept();
  // Nobody has waited for it, and epoll does not tell of it any more.
  engine_.lend(socket, upload.feed, UINT64_MAX);
  EXPECT_EQ(follow(upload).kind, Kind::kEnd);
  EXPECT_EQ(upload.bytes, bytes);
  engine_.arm(socket, false, true);
  EXPECT_EQ(next().kind, Kind::kReady);
  size_t taken = 0;
  EXPECT_FALSE(engine_.write(socket, bytes.data(), 1, &taken));
}

TEST_F(SrtEngineTest, NoMessageIsOverTheBorderOfASlot) {
  Host host(config_of_slots(4096));
  Upload upload(host, kNoLimit);
  SrtClient client(live_port_, false);
  engine_.lend(accept(), upload.feed, UINT64_MAX);
  std::vector<size_t> borders;
  std::mt19937 draw(7);
  Bytes all;
  for (uint32_t i = 0; i < 200; i++) {
    const Bytes message = pattern(1 + static_cast<uint32_t>(draw() % kMaxSrtMessage), i);
    all.insert(all.end(), message.begin(), message.end());
    borders.push_back(all.size());
  }
  std::thread sender([&] {
    size_t begin = 0;
    for (const size_t end : borders) {
      client.send({all.begin() + static_cast<ptrdiff_t>(begin),
                   all.begin() + static_cast<ptrdiff_t>(end)});
      begin = end;
    }
    client.leave();
  });
  EXPECT_EQ(follow(upload).kind, Kind::kEnd);
  sender.join();
  EXPECT_EQ(upload.bytes, all);
  for (const size_t border : upload.borders) {
    EXPECT_TRUE(std::binary_search(borders.begin(), borders.end(), border)) << border;
  }
}

TEST_F(SrtEngineTest, MessagesThatAreLargerThanASlot) {
  Host host;
  constexpr uint32_t kMessages = 30;
  constexpr uint32_t kBytes = 1316;
  Upload upload(host, kNoLimit);
  SrtClient client(live_port_, false);
  const int socket = accept();
  for (uint32_t i = 0; i < kMessages; i++) client.send(pattern(kBytes, i));
  // The last one finds no room either: that it was the last is told when it is in the lane.
  engine_.lend(socket, upload.feed, uint64_t{kMessages} * kBytes);
  EXPECT_EQ(follow(upload).kind, Kind::kWhole);
  EXPECT_GT(upload.full, 0);
  ASSERT_EQ(upload.bytes.size(), kMessages * kBytes);
  for (uint32_t i = 0; i < kMessages; i++) {
    EXPECT_TRUE(std::equal(upload.bytes.begin() + i * kBytes,
                           upload.bytes.begin() + (i + 1) * kBytes, pattern(kBytes, i).begin()));
  }
}

TEST_F(SrtEngineTest, ADeclaredLength) {
  Host host;
  Upload upload(host, kNoLimit);
  SrtClient client(file_port_, true);
  const int socket = accept();
  engine_.lend(socket, upload.feed, 1000);
  client.send(pattern(1000, 1));
  EXPECT_EQ(follow(upload).kind, Kind::kWhole);
  EXPECT_EQ(upload.bytes, pattern(1000, 1));
  client.send({1});
  EXPECT_EQ(next().kind, Kind::kTooLong);
}

TEST_F(SrtEngineTest, MoreThanTheDeclaredLengthAtOnce) {
  Host host;
  for (const bool file : {true, false}) {
    Upload upload(host, kNoLimit);
    SrtClient client(file ? file_port_ : live_port_, file);
    const int socket = accept();
    client.send(pattern(1001, 1));
    client.leave();
    engine_.lend(socket, upload.feed, 1000);
    EXPECT_EQ(follow(upload).kind, Kind::kTooLong);
    EXPECT_EQ(upload.bytes.size(), 0U);
  }
}

TEST_F(SrtEngineTest, ABodyThatMayNotBeSoLongIsDropped) {
  Host host;
  Upload upload(host, 5000);
  SrtClient client(file_port_, true);
  engine_.lend(accept(), upload.feed, UINT64_MAX);
  client.send(pattern(kAnyLength, 1));
  const SrtEvent failed = follow(upload);
  EXPECT_EQ(failed.kind, Kind::kFailed);
  EXPECT_EQ(failed.status, Status::kBodyTooLarge);
  client.leave();
  EXPECT_EQ(next().kind, Kind::kEnd);
}

TEST_F(SrtEngineTest, NobodyWritesAfterTheLoan) {
  Host host(config_of_slots(4096));
  Upload upload(host, kNoLimit);
  SrtClient client(file_port_, true);
  const int socket = accept();
  std::thread sender([&] {
    client.send(pattern(4'000'000, 1));
    client.leave();
  });
  engine_.lend(socket, upload.feed, UINT64_MAX);
  EXPECT_EQ(next().kind, Kind::kFull);
  LaneWriter back;
  ASSERT_TRUE(upload.feed->take_back(&back));
  const uint64_t bytes = upload.feed->bytes();
  engine_.go_on(socket);
  EXPECT_EQ(next().kind, Kind::kEnd) << "the rest is dropped";
  sender.join();
  EXPECT_EQ(upload.feed->bytes(), bytes);
  upload.take_all();
  ASSERT_OK(back.end());
}

TEST_F(SrtEngineTest, WhoStandsIsInNobodysWay) {
  Host host;
  Upload standing(host, kNoLimit);
  Upload moving(host, kNoLimit);
  SrtClient first(file_port_, true);
  const int stands = accept();
  SrtClient second(file_port_, true);
  const int moves = accept();
  engine_.lend(stands, standing.feed, UINT64_MAX);
  first.send(pattern(kAnyLength, 1));
  EXPECT_EQ(next().kind, Kind::kFull);
  engine_.lend(moves, moving.feed, UINT64_MAX);
  std::thread sender([&] {
    second.send(pattern(kAnyLength, 2));
    second.leave();
  });
  EXPECT_EQ(follow(moving).kind, Kind::kEnd);
  sender.join();
  EXPECT_EQ(moving.bytes, pattern(kAnyLength, 2));
  make_room(standing);
  engine_.go_on(stands);
  first.leave();
  EXPECT_EQ(follow(standing).kind, Kind::kEnd);
  EXPECT_EQ(standing.bytes, pattern(kAnyLength, 1));
}

TEST_F(SrtEngineTest, SocketsAreClosedWhileBytesCome) {
  Host host(config_of_slots(4096));
  for (int i = 0; i < 4; i++) {
    Upload upload(host, kNoLimit);
    SrtClient client(file_port_, true);
    const int socket = accept();
    engine_.lend(socket, upload.feed, UINT64_MAX);
    client.send(pattern(20'000, 1));
    EXPECT_TRUE(eventually([&] { return upload.feed->bytes() > 0; }));
    if (i == 3) engine_.close();
    engine_.close_socket(socket);
    engine_.go_on(socket);
    engine_.arm(socket, true, true);
    LaneWriter back;
    ASSERT_TRUE(upload.feed->take_back(&back));
    upload.take_all();
    ASSERT_OK(back.end());
    if (i == 3) continue;
    // What was told before may name it still.
    while (!events_.empty() || !(events_ = engine_.take_events()).empty()) {
      EXPECT_EQ(events_.front().socket, socket);
      events_.clear();
    }
  }
}

}  // namespace
}  // namespace ur::test
#else
#include <gtest/gtest.h>

TEST(SrtEngineTest, NeedsLibsrt) { GTEST_SKIP() << "libsrt was not found"; }
#endif
