// The engine with callers of libsrt's own, on loopback: what they send comes into lanes, whole and in order.
#ifdef UR_SRT
#include "test/support/srt_uploads.h"

namespace ur::test {
namespace {

using Kind = SrtEvent::Kind;
constexpr uint32_t kAnyLength = 300'000;

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

// libsrt closes a connection that has ended and is empty within a second, whether its end was read or not.
TEST_F(SrtEngineTest, AnEndThatLibsrtHasForgotten) {
  for (const bool file : {true, false}) {
    SrtClient client(file ? file_port_ : live_port_, file);
    const int socket = accept();
    client.send(pattern(1000, 1));
    Bytes bytes(2000);
    size_t length = 0;
    EXPECT_TRUE(eventually([&] {
      return engine_.read(socket, bytes.data(), bytes.size(), &length) == SrtRead::kSome;
    }));
    EXPECT_EQ(length, 1000U);
    EXPECT_EQ(engine_.read(socket, bytes.data(), bytes.size(), &length), SrtRead::kNothing);
    client.leave();
    EXPECT_TRUE(eventually([&] { return srt_getsockstate(socket) >= SRTS_CLOSED; }));
    EXPECT_EQ(engine_.read(socket, bytes.data(), bytes.size(), &length), SrtRead::kEnd);
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
