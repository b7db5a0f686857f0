// The loan of a writer: nothing is lost when the lane is full, and nobody writes after it is over.
#include "feed/lane_feed.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <thread>

#include "test/support/host.h"

namespace ur::test {
namespace {

constexpr uint32_t kSlots = 8;
constexpr uint32_t kSlotBytes = 1024;
constexpr uint64_t kNoLimit = UINT64_MAX;

class LaneFeedTest : public ::testing::Test {
 protected:
  Fed write(LaneFeed& feed, const std::vector<uint8_t>& bytes, bool key = false) {
    const std::array<Piece, 2> pieces = {Piece{bytes.data(), 1},
                                         Piece{bytes.data() + 1, bytes.size() - 1}};
    return feed.write(pieces, key, &status_);
  }
  Fed fill(LaneFeed& feed, uint32_t least, const std::vector<uint8_t>& bytes) {
    const auto source = [&](uint8_t* data, size_t size) {
      EXPECT_GE(size, least);
      std::copy(bytes.begin(), bytes.end(), data);
      return static_cast<uint32_t>(bytes.size());
    };
    return feed.fill(least, source, &status_);
  }
  // Everything that is there, given back; the hash of every slot is right.
  std::vector<uint8_t> take_all(LaneReader& reader) {
    std::vector<uint8_t> all;
    std::array<SlotView, 16> views;
    uint32_t count = 1;
    while (count > 0) {
      EXPECT_OK(reader.tail(views.data(), 16, &count));
      for (uint32_t i = 0; i < count; i++) {
        EXPECT_OK(reader.verify(views[i].id));
        if ((views[i].flags & kSlotBody) == 0) continue;
        all.insert(all.end(), views[i].data, views[i].data + views[i].length);
      }
    }
    EXPECT_OK(reader.ack(reader.position()));
    return all;
  }

  Host host_;
  uint64_t id_ = host_.open();
  LaneRef lane_ = host_.request(id_);
  LaneWriter writer_ = request_writer(host_, id_);
  LaneReader reader_ = join(host_.worker(1), id_, kRequestLane);
  Status status_ = Status::kOk;
};

TEST_F(LaneFeedTest, PiecesAreOneAfterTheOtherAndPublishedByFlush) {
  LaneFeed feed(writer_, {}, kNoLimit);
  EXPECT_EQ(write(feed, pattern(100, 1)), Fed::kTaken);
  EXPECT_EQ(tail_count(reader_), 0U);
  ASSERT_OK(feed.flush());
  EXPECT_EQ(take_all(reader_), pattern(100, 1));
  EXPECT_EQ(feed.bytes(), 100U);
  EXPECT_EQ(feed.last(), 1U);
}

TEST_F(LaneFeedTest, WhatDoesNotFitIsWrittenByDrain) {
  LaneFeed feed(writer_, {}, kNoLimit);
  const auto bytes = pattern(kSlots * kSlotBytes + 500, 1);
  EXPECT_EQ(write(feed, bytes), Fed::kBlocked);
  EXPECT_TRUE(feed.blocked());
  EXPECT_EQ(feed.bytes(), bytes.size());
  EXPECT_EQ(feed.drain(), Status::kFull);
  EXPECT_EQ(feed.park(), Status::kFull);
  EXPECT_EQ(feed.blockers(), 2U);
  auto seen = take_all(reader_);
  EXPECT_OK(feed.park());
  EXPECT_OK(feed.drain());
  EXPECT_FALSE(feed.blocked());
  const auto rest = take_all(reader_);
  seen.insert(seen.end(), rest.begin(), rest.end());
  EXPECT_EQ(seen, bytes);
}

TEST_F(LaneFeedTest, AKeyframeThatDoesNotFitIsStillMarked) {
  LaneFeed feed(writer_, {'h', 'e', 'a', 'd'}, kNoLimit);
  EXPECT_EQ(write(feed, pattern(kSlots * kSlotBytes, 1)), Fed::kTaken);
  EXPECT_EQ(write(feed, pattern(10, 2), true), Fed::kBlocked);
  EXPECT_EQ(feed.drain(), Status::kFull);
  take_all(reader_);
  EXPECT_OK(feed.drain());
  EXPECT_EQ(newest_keyframe(lane_), uint64_t{kSlots} + 2) << "after the slot with the head";
  EXPECT_EQ(take_all(reader_), pattern(10, 2));
}

TEST_F(LaneFeedTest, BytesThatArePutInPlaceAndNeverOverABorder) {
  LaneFeed feed(writer_, {}, kNoLimit);
  std::vector<uint8_t> all;
  for (uint32_t i = 0; i < kSlots; i++) {
    const auto bytes = pattern(600, i);
    ASSERT_EQ(fill(feed, 600, bytes), Fed::kTaken);
    EXPECT_EQ(feed.last(), i) << "the one before had no room for it";
    all.insert(all.end(), bytes.begin(), bytes.end());
  }
  bool called = false;
  const auto source = [&](uint8_t*, size_t) -> uint32_t { return called = true, 0; };
  EXPECT_EQ(feed.fill(600, source, &status_), Fed::kBlocked);
  EXPECT_FALSE(called);
  EXPECT_FALSE(feed.blocked());
  EXPECT_EQ(take_all(reader_), all);
  EXPECT_EQ(fill(feed, 2 * kSlotBytes, {}), Fed::kFailed);
  EXPECT_EQ(status_, Status::kSlotTooLarge);
}

TEST_F(LaneFeedTest, RoomThatIsWantedIsWaitedFor) {
  LaneFeed feed(writer_, {}, kNoLimit);
  EXPECT_EQ(write(feed, pattern(kSlots * kSlotBytes - 100, 1)), Fed::kTaken);
  EXPECT_EQ(fill(feed, 101, pattern(101, 2)), Fed::kBlocked);
  feed.want_room(101);
  EXPECT_TRUE(feed.blocked());
  EXPECT_EQ(feed.drain(), Status::kFull);
  EXPECT_EQ(feed.park(), Status::kFull);
  EXPECT_EQ(take_all(reader_), pattern(kSlots * kSlotBytes - 100, 1));
  EXPECT_OK(feed.drain());
  EXPECT_FALSE(feed.blocked());
  EXPECT_EQ(fill(feed, 101, pattern(101, 2)), Fed::kTaken);
  ASSERT_OK(feed.flush());
  EXPECT_EQ(take_all(reader_), pattern(101, 2));
}

TEST_F(LaneFeedTest, BytesInPlaceHaveALimitAndAnEndOfTheLoan) {
  LaneFeed feed(writer_, {}, 100);
  EXPECT_EQ(fill(feed, 1, pattern(60, 1)), Fed::kTaken);
  EXPECT_EQ(fill(feed, 1, pattern(41, 1)), Fed::kFailed);
  EXPECT_EQ(status_, Status::kBodyTooLarge);
  EXPECT_EQ(feed.bytes(), 60U);
  feed.want_room(1);
  feed.revoke();
  EXPECT_FALSE(feed.blocked());
  EXPECT_EQ(fill(feed, 1, pattern(10, 1)), Fed::kGone);
}

TEST_F(LaneFeedTest, TheLimitOfTheBody) {
  LaneFeed feed(writer_, {}, 100);
  EXPECT_EQ(write(feed, pattern(60, 1)), Fed::kTaken);
  EXPECT_EQ(write(feed, pattern(41, 1)), Fed::kFailed);
  EXPECT_EQ(status_, Status::kBodyTooLarge);
  EXPECT_EQ(feed.bytes(), 60U);
  EXPECT_EQ(write(feed, pattern(40, 1)), Fed::kTaken);
}

TEST_F(LaneFeedTest, AnAbortIsSaid) {
  LaneFeed feed(writer_, {}, kNoLimit);
  ASSERT_OK(host_.ingress().close(id_));
  EXPECT_EQ(write(feed, pattern(60, 1)), Fed::kFailed);
  EXPECT_EQ(status_, Status::kStaleStream);
}

TEST_F(LaneFeedTest, TheOwnerGoesOnAfterTheLoan) {
  LaneFeed feed(writer_, {}, kNoLimit);
  EXPECT_EQ(write(feed, pattern(100, 1)), Fed::kTaken);
  LaneWriter back;
  ASSERT_TRUE(feed.take_back(&back));
  EXPECT_FALSE(feed.take_back(&back));
  EXPECT_EQ(write(feed, pattern(100, 2)), Fed::kGone);
  EXPECT_EQ(feed.drain(), Status::kDetached);
  ASSERT_OK(back.end());
  EXPECT_EQ(take_all(reader_), pattern(100, 1));
  EXPECT_EQ(feed.bytes(), 100U);
}

// One thread writes, another one drains, and takes the writer back in the middle of it.
TEST_F(LaneFeedTest, TwoThreads) {
  LaneFeed feed(writer_, {'h'}, kNoLimit);
  std::atomic<uint64_t> written{0};
  std::atomic<bool> failed{false};
  std::thread source([&] {
    for (uint64_t i = 0;; i++) {
      const auto bytes = pattern(static_cast<uint32_t>(100 + i % 1900), i);
      Status status = Status::kOk;
      const Piece piece{bytes.data(), bytes.size()};
      const bool fills = bytes.size() <= kSlotBytes && i % 2 == 0;
      const auto in_place = [&](uint8_t* data, size_t) {
        return static_cast<uint32_t>(std::copy(bytes.begin(), bytes.end(), data) - data);
      };
      const Fed fed = fills
                          ? feed.fill(static_cast<uint32_t>(bytes.size()), in_place, &status)
                          : feed.write({&piece, 1}, i % 7 == 0, &status);
      if (fed == Fed::kGone) return;
      if (fed == Fed::kBlocked && fills) {
        feed.want_room(1);
        while (feed.blocked()) std::this_thread::yield();
        continue;
      }
      if (fed == Fed::kFailed) failed = true;
      written += bytes.size();
      if (feed.flush() != Status::kOk) failed = true;
      while (feed.blocked()) std::this_thread::yield();
    }
  });
  uint64_t read = 0;
  while (read < 2'000'000 && !failed) {
    read += take_all(reader_).size();
    const Status status = feed.drain();
    ASSERT_TRUE(status == Status::kOk || status == Status::kFull);
    (void)feed.blockers();
  }
  LaneWriter back;
  ASSERT_TRUE(feed.take_back(&back));
  source.join();
  EXPECT_FALSE(failed);
  ASSERT_OK(back.flush());
  read += take_all(reader_).size();
  // What waited for room at the end is dropped.
  EXPECT_LE(read, written);
  EXPECT_EQ(feed.bytes(), written);
}

}  // namespace
}  // namespace ur::test
