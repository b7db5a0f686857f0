#include "rtmp/receiver.h"

#include <thread>

#include "test/support/host.h"
#include "test/support/rtmp_bytes.h"

namespace ur::test {
namespace {

using Kind = RtmpNotice::Kind;

class RtmpReceiverTest : public ::testing::Test {
 protected:
  bool push(Bytes bytes) { return receiver_.push(bytes.data(), bytes.size()); }
  // The next notice; kEnd with a type of 255 stands for none.
  RtmpNotice next() {
    RtmpNotice notice;
    if (!receiver_.next(&notice)) notice.type = 255;
    return notice;
  }
  bool is_quiet() { return next().type == 255; }
  bool go_on() {
    receiver_.go_on();
    return receiver_.push(nullptr, 0);
  }
  void shake() {
    EXPECT_FALSE(push(rtmp_handshake()));
    EXPECT_EQ(next().kind, Kind::kHello);
    EXPECT_FALSE(go_on());
    EXPECT_EQ(next().kind, Kind::kShaken);
    EXPECT_TRUE(go_on());
    EXPECT_TRUE(is_quiet());
  }
  std::shared_ptr<LaneFeed> lend(uint64_t limit = UINT64_MAX) {
    auto feed = std::make_shared<LaneFeed>(writer_, Bytes{'h'}, limit);
    receiver_.lend(feed);
    return feed;
  }
  // Body bytes that are there, given back.
  uint64_t take_all() {
    uint64_t total = 0;
    SlotView views[16];
    uint32_t count = 1;
    while (count > 0) {
      EXPECT_OK(reader_.tail(views, 16, &count));
      for (uint32_t i = 0; i < count; i++) {
        if ((views[i].flags & kSlotBody) != 0) total += views[i].length;
      }
    }
    EXPECT_OK(reader_.ack(reader_.position()));
    return total;
  }

  Host host_;
  uint64_t id_ = host_.open();
  LaneWriter writer_ = request_writer(host_, id_);
  LaneReader reader_ = join(host_.worker(1), id_, kRequestLane);
  RtmpReceiver receiver_{65'536, 5000};
};

TEST_F(RtmpReceiverTest, TheHandshakeInPiecesOfEverySize) {
  const Bytes bytes = rtmp_handshake();
  for (const size_t size : {1UL, 7UL, 1536UL, 1537UL, 3000UL}) {
    RtmpReceiver receiver(65'536, 5000);
    std::vector<Kind> seen;
    for (size_t at = 0; at < bytes.size(); at += size) {
      Bytes piece(bytes.begin() + static_cast<ptrdiff_t>(at),
                  bytes.begin() + static_cast<ptrdiff_t>(std::min(bytes.size(), at + size)));
      receiver.push(piece.data(), piece.size());
      RtmpNotice notice;
      while (receiver.next(&notice)) {
        seen.push_back(notice.kind);
        if (notice.kind == Kind::kHello) {
          EXPECT_EQ(notice.payload.size(), 1536U);
        }
        receiver.go_on();
        receiver.push(nullptr, 0);
      }
    }
    EXPECT_EQ(seen, (std::vector<Kind>{Kind::kHello, Kind::kShaken})) << size;
  }
}

TEST_F(RtmpReceiverTest, AnotherVersionIsRefusedWithItsFirstByte) {
  EXPECT_FALSE(push({'G'}));
  const RtmpNotice notice = next();
  EXPECT_EQ(notice.kind, Kind::kFailed);
  EXPECT_EQ(notice.failure.status, Status::kRtmpHandshake);
  EXPECT_FALSE(go_on());
}

TEST_F(RtmpReceiverTest, ACommandIsToldInItsPlaceAmongTheMedia) {
  shake();
  receiver_.publish(1);
  Bytes bytes = rtmp_avc_config();
  bytes += rtmp_frame(0, true, pattern(20, 1));
  bytes += rtmp_frame(40, false, pattern(30, 2));
  bytes += rtmp_message(rtmp_type::kCommandAmf0, 0, {2, 0, 1, 'x'});
  bytes += rtmp_frame(80, false, pattern(40, 3));
  EXPECT_FALSE(push(bytes));
  EXPECT_EQ(next().kind, Kind::kUnit);
  EXPECT_FALSE(go_on()) << "nobody has lent a lane";
  const auto feed = lend();
  EXPECT_FALSE(receiver_.push(nullptr, 0));
  const RtmpNotice command = next();
  EXPECT_EQ(command.kind, Kind::kMessage);
  EXPECT_EQ(command.payload, (Bytes{2, 0, 1, 'x'}));
  const uint64_t before = rtmp_unit_bytes(true, pattern(20, 1)) +
                          rtmp_unit_bytes(false, pattern(30, 2));
  EXPECT_EQ(take_all(), before) << "published before the command is told";
  EXPECT_TRUE(go_on());
  EXPECT_EQ(take_all(), rtmp_unit_bytes(false, pattern(40, 3)));
  EXPECT_EQ(receiver_.media().video_counts().units, 3U);
}

TEST_F(RtmpReceiverTest, MediaOfOtherStreamsAndAfterThePublicationIsDropped) {
  shake();
  EXPECT_TRUE(push(rtmp_avc_config()));
  receiver_.publish(2);
  EXPECT_TRUE(push(rtmp_frame(0, true, pattern(20, 1))));
  receiver_.publish(1);
  EXPECT_TRUE(push(rtmp_avc_config()));
  EXPECT_FALSE(push(rtmp_frame(0, true, pattern(20, 1))));
  EXPECT_EQ(next().kind, Kind::kUnit);
  receiver_.unpublish();
  EXPECT_TRUE(go_on()) << "the unit is dropped with its publication";
  EXPECT_TRUE(push(rtmp_frame(0, true, pattern(20, 1))));
  EXPECT_TRUE(is_quiet());
}

TEST_F(RtmpReceiverTest, AnotherConnectionGoesOnInTheSameLane) {
  shake();
  receiver_.publish(1);
  EXPECT_TRUE(push(rtmp_avc_config()));
  EXPECT_FALSE(push(rtmp_frame(0, true, pattern(20, 1))));
  EXPECT_EQ(next().kind, Kind::kUnit);
  const auto feed = lend();
  receiver_.unpublish();

  RtmpReceiver other(65'536, 5000);
  Bytes bytes = rtmp_handshake();
  other.push(bytes.data(), bytes.size());
  RtmpNotice notice;
  while (other.next(&notice)) {
    other.go_on();
    other.push(nullptr, 0);
  }
  other.publish(1, Continuation{1, 100});
  other.lend(feed);
  Bytes media = rtmp_avc_config();
  media += rtmp_frame(7, true, pattern(30, 1));
  EXPECT_TRUE(other.push(media.data(), media.size())) << "nobody has to open a lane";
  EXPECT_EQ(take_all(), rtmp_unit_bytes(true, pattern(20, 1)) +
                            rtmp_unit_bytes(true, pattern(30, 1)));
  EXPECT_EQ(other.media().units(), 2U);
  EXPECT_EQ(other.media().newest_ms(), 100);
}

TEST_F(RtmpReceiverTest, AFullLaneHoldsTheParserUntilItIsDrained) {
  shake();
  receiver_.publish(1);
  Bytes bytes = rtmp_avc_config();
  uint64_t expected = 0;
  for (uint32_t i = 0; i < 12; i++) {
    const Bytes nal = pattern(1000, i);
    bytes += rtmp_frame(i * 40, i == 0, nal);
    expected += rtmp_unit_bytes(i == 0, nal);
  }
  EXPECT_FALSE(push(bytes));
  EXPECT_EQ(next().kind, Kind::kUnit);
  const auto feed = lend();
  uint64_t seen = 0;
  bool running = receiver_.push(nullptr, 0);
  int blocks = 0;
  while (!running) {
    ASSERT_EQ(next().kind, Kind::kBlocked);
    blocks++;
    EXPECT_FALSE(go_on()) << "it is not drained";
    seen += take_all();
    ASSERT_OK(feed->drain());
    running = go_on();
  }
  seen += take_all();
  EXPECT_EQ(seen, expected);
  EXPECT_GT(blocks, 0);
  EXPECT_EQ(feed->bytes(), expected);
}

TEST_F(RtmpReceiverTest, WhatIsNotValidIsToldAfterWhatWasBefore) {
  shake();
  receiver_.publish(1);
  Bytes bytes = rtmp_avc_config();
  bytes += rtmp_frame(0, true, pattern(20, 1));
  bytes += rtmp_message(rtmp_type::kVideo, 0, from_hex("17 01 000000 000000ff 65"));
  EXPECT_FALSE(push(bytes));
  EXPECT_EQ(next().kind, Kind::kUnit);
  const auto feed = lend();
  EXPECT_FALSE(receiver_.push(nullptr, 0));
  const RtmpNotice notice = next();
  EXPECT_EQ(notice.kind, Kind::kFailed);
  EXPECT_EQ(notice.failure.status, Status::kMediaInvalid);
  EXPECT_EQ(take_all(), rtmp_unit_bytes(true, pattern(20, 1)));
  EXPECT_FALSE(go_on());
}

TEST_F(RtmpReceiverTest, TheLimitOfTheBodyAndALoanThatIsOver) {
  shake();
  receiver_.publish(1);
  EXPECT_TRUE(push(rtmp_avc_config()));
  EXPECT_FALSE(push(rtmp_frame(0, true, pattern(20, 1))));
  EXPECT_EQ(next().kind, Kind::kUnit);
  const auto feed = lend(100);
  EXPECT_TRUE(receiver_.push(nullptr, 0));
  EXPECT_FALSE(push(rtmp_frame(40, false, pattern(50, 1))));
  EXPECT_EQ(next().failure.status, Status::kBodyTooLarge);

  RtmpReceiver other(65'536, 5000);
  LaneWriter back;
  ASSERT_TRUE(feed->take_back(&back));
  other.lend(feed);
  Bytes bytes = rtmp_handshake();
  other.push(bytes.data(), bytes.size());
  RtmpNotice notice;
  while (other.next(&notice)) {
    other.go_on();
    other.push(nullptr, 0);
  }
  other.publish(1);
  Bytes media = rtmp_avc_config();
  media += rtmp_frame(0, true, pattern(20, 1));
  EXPECT_TRUE(other.push(media.data(), media.size())) << "who took it back says what follows";
}

TEST_F(RtmpReceiverTest, AcknowledgementsAndTheEnd) {
  shake();
  const Bytes ignored = rtmp_message(rtmp_type::kAudio, 0, Bytes(2000));
  EXPECT_TRUE(push(ignored));
  EXPECT_EQ(next().kind, Kind::kAcknowledge);
  EXPECT_TRUE(push(ignored));
  EXPECT_TRUE(is_quiet()) << "once for each window";
  receiver_.acknowledged(receiver_.received());
  EXPECT_TRUE(push(rtmp_message(rtmp_type::kWindowAckSize, 0, {0, 0, 0, 10}, 0)));
  EXPECT_EQ(next().kind, Kind::kAcknowledge);
  EXPECT_FALSE(push(rtmp_message(rtmp_type::kUserControl, 0, {0, 6, 0, 0, 0, 1}, 0)));
  receiver_.end_of_input(false);
  EXPECT_EQ(next().kind, Kind::kMessage);
  EXPECT_TRUE(is_quiet()) << "not before the message is done";
  receiver_.go_on();
  const RtmpNotice end = next();
  EXPECT_EQ(end.kind, Kind::kEnd);
  EXPECT_NE(end.type, 255);
  EXPECT_TRUE(is_quiet());
}

TEST_F(RtmpReceiverTest, AfterAStopNothingIsToldButTheEnd) {
  shake();
  EXPECT_FALSE(push(rtmp_message(rtmp_type::kCommandAmf0, 0, {5})));
  receiver_.stop();
  EXPECT_TRUE(push(Bytes(100'000, 0xFF)));
  EXPECT_TRUE(is_quiet());
  EXPECT_TRUE(receiver_.wants_more());
  receiver_.end_of_input(false);
  EXPECT_EQ(next().type, 0);
}

// The owner takes the lane back and stops while another thread pushes.
TEST_F(RtmpReceiverTest, TwoThreads) {
  shake();
  receiver_.publish(1);
  EXPECT_TRUE(push(rtmp_avc_config()));
  std::thread source([&] {
    const Bytes nal = pattern(700, 1);
    for (uint32_t i = 0; i < 2000; i++) {
      Bytes bytes = rtmp_frame(i, i % 50 == 0, nal);
      bool running = receiver_.push(bytes.data(), bytes.size());
      while (!running) {
        std::this_thread::yield();
        running = receiver_.wants_more() && receiver_.push(nullptr, 0);
      }
    }
    receiver_.end_of_input(false);
  });
  std::shared_ptr<LaneFeed> feed;
  uint64_t seen = 0;
  int units = 0;
  for (bool ended = false; !ended;) {
    RtmpNotice notice;
    if (feed != nullptr) {
      seen += take_all();
      if (feed->drain() == Status::kOk) receiver_.go_on();
    }
    if (!receiver_.next(&notice)) continue;
    ended = notice.kind == Kind::kEnd;
    ASSERT_NE(notice.kind, Kind::kFailed);
    if (notice.kind != Kind::kUnit) continue;
    units++;
    feed = lend();
  }
  source.join();
  seen += take_all();
  EXPECT_EQ(units, 1);
  EXPECT_EQ(seen, feed->bytes());
  EXPECT_EQ(receiver_.media().video_counts().units, 2000U);
}

}  // namespace
}  // namespace ur::test
