// Joining late at a keyframe: what is named is there, what is not there is waited for.

#include <cstring>
#include <vector>

#include "core/lane_reader.h"
#include "core/lane_writer.h"
#include "test/support/host.h"

namespace ur::test {
namespace {

constexpr uint32_t kSlots = 8;

class KeyframeTest : public ::testing::Test {
 protected:
  LaneReader join_at(int64_t from, uint32_t worker = 2) {
    return join(host_.worker(worker), id_, kRequestLane, from);
  }
  void mark(const char* head = nullptr) {
    ASSERT_OK(writer_.begin_keyframe(reinterpret_cast<const uint8_t*>(head),
                                     head == nullptr ? 0 : static_cast<uint32_t>(strlen(head))));
  }
  // Writes `count` slots that another reader takes at once.
  void pass(uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
      write_slots(writer_, 1);
      tail_count(first_);
      ASSERT_OK(first_.ack(first_.position()));
    }
  }
  std::vector<uint64_t> ids(LaneReader& reader) {
    std::vector<uint64_t> found;
    uint32_t count = 1;
    while (count > 0) {
      EXPECT_OK(reader.tail(views_, 3, &count));
      for (uint32_t i = 0; i < count; i++) found.push_back(views_[i].id);
    }
    return found;
  }

  Host host_;
  uint64_t id_ = host_.open();
  LaneRef lane_ = host_.request(id_);
  LaneWriter writer_ = request_writer(host_, id_);
  LaneReader first_ = join_at(0, 1);
  SlotView views_[16];
};

TEST_F(KeyframeTest, BeginsWithTheNewestOneThatIsThere) {
  pass(2);
  mark();
  pass(2);
  mark();
  pass(2);
  EXPECT_EQ(newest_keyframe(lane_), 5U);
  LaneReader late = join_at(LaneReader::kFromKeyframe);
  EXPECT_EQ(late.cursor(), 4U);
  EXPECT_EQ(ids(late), (std::vector<uint64_t>{5, 6}));
}

TEST_F(KeyframeTest, RepeatsTheHeadRightBefore) {
  pass(1);
  mark("head");
  pass(1);
  uint8_t head[16];
  uint32_t length = 0;
  uint32_t flags = 0;
  EXPECT_EQ(newest_keyframe(lane_), 3U);
  ASSERT_OK(copy_slot(lane_, 2, head, sizeof head, &length, &flags));
  EXPECT_EQ(flags, static_cast<uint32_t>(kSlotControl));
  EXPECT_EQ(std::memcmp(head, "head", length), 0);
}

TEST_F(KeyframeTest, SplitsAnOpenSlotSoThatTheKeyframeBeginsOne) {
  uint64_t taken = 0;
  const uint8_t byte = 7;
  ASSERT_OK(writer_.append(&byte, 1, &taken));
  mark();
  ASSERT_OK(writer_.append(&byte, 1, &taken));
  ASSERT_OK(writer_.flush());
  EXPECT_EQ(writer_.last(), 2U);
  EXPECT_EQ(newest_keyframe(lane_), 2U);
  EXPECT_EQ(lane_.header(1).keyframe.load(), 0U);
}

TEST_F(KeyframeTest, WaitsForTheNextWhenTheNewestHasGone) {
  mark();
  pass(2 * kSlots);
  EXPECT_EQ(newest_keyframe(lane_), 0U);
  LaneReader late = join_at(LaneReader::kFromKeyframe);
  EXPECT_TRUE(ids(late).empty());
  pass(kSlots);
  EXPECT_TRUE(ids(late).empty());
  EXPECT_EQ(late.cursor(), writer_.last()) << "what it passes over must not gate";
  EXPECT_EQ(late.park(), Status::kEmpty);
  pass(1);
  mark();
  pass(2);
  EXPECT_EQ(ids(late), (std::vector<uint64_t>{3 * kSlots + 2, 3 * kSlots + 3}));
  EXPECT_OK(late.ack(late.position()));
}

TEST_F(KeyframeTest, TheEndIsSeenWithoutAKeyframe) {
  mark();
  pass(2 * kSlots);
  LaneReader late = join_at(LaneReader::kFromKeyframe);
  pass(1);
  ASSERT_OK(writer_.end());
  EXPECT_EQ(ids(late), std::vector<uint64_t>{2 * kSlots + 2});
}

TEST_F(KeyframeTest, ALaneThatNeverHadOneIsReadFromItsStart) {
  pass(3);
  LaneReader late = join_at(LaneReader::kFromKeyframe);
  EXPECT_EQ(ids(late), (std::vector<uint64_t>{1, 2, 3}));
}

TEST_F(KeyframeTest, FullIsNoMarkYet) {
  write_slots(writer_, kSlots);
  EXPECT_EQ(writer_.begin_keyframe(reinterpret_cast<const uint8_t*>("head"), 4), Status::kFull);
  tail_count(first_);
  ASSERT_OK(first_.ack(first_.position()));
  pass(1);
  EXPECT_EQ(newest_keyframe(lane_), 0U);
}

TEST_F(KeyframeTest, LiesInTheSegmentAreNotBelieved) {
  pass(3);
  const uint64_t lies[] = {1, 2, 4, 1000, kCursorMask, ~0ULL};
  for (const uint64_t lie : lies) {
    lane_.control->keyframe.store(lie);
    EXPECT_EQ(newest_keyframe(lane_), 0U) << lie;
    LaneReader late = join_at(LaneReader::kFromKeyframe);
    EXPECT_TRUE(ids(late).empty()) << lie;
    late.leave();
  }
}

TEST_F(KeyframeTest, ANewStreamHasNone) {
  mark();
  pass(1);
  ASSERT_OK(writer_.release());
  first_.leave();
  host_.finish(id_);
  EXPECT_EQ(newest_keyframe(lane_), 0U) << "the handle is stale";
  for (int i = 0; i < 4; i++) {
    const uint64_t next = host_.open();
    EXPECT_EQ(newest_keyframe(host_.request(next)), 0U);
  }
}

}  // namespace
}  // namespace ur::test
