// Callers of the engine in live mode: their messages are kept whole, and readers can begin with keyframes.
#ifdef UR_SRT
#include "test/support/srt_uploads.h"

#include <algorithm>
#include <random>

#include "test/support/ts_packets.h"

namespace ur::test {
namespace {

using Kind = SrtEvent::Kind;
using SrtEngineLiveTest = SrtEngineTest;

TEST_F(SrtEngineLiveTest, NoMessageIsOverTheBorderOfASlot) {
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

TEST_F(SrtEngineLiveTest, MessagesThatAreLargerThanASlot) {
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

TEST_F(SrtEngineLiveTest, ReadersCanBeginWithTheTablesBeforeAKeyframe) {
  Host host(config_of_slots(8192));
  Upload upload(host, kNoLimit);
  SrtClient client(live_port_, false);
  const int socket = accept();
  const Bytes tables = message({association(), map(kH264AndAac)});
  const Bytes frame = packet(kVideoPid, with(kVideoPes, "00000001 41"));
  const Bytes key = packet(kVideoPid, with(kVideoPes, "00000001 67"), {true, true});
  Bytes all;
  for (const Bytes& one : {tables, key, frame, tables, frame, frame, tables, key, frame, tables}) {
    client.send(one);
    all.insert(all.end(), one.begin(), one.end());
  }
  // Only then, since a keyframe that comes late begins without its tables.
  client.deliver();
  engine_.lend(socket, upload.feed, UINT64_MAX);
  EXPECT_TRUE(eventually([&] { return upload.feed->bytes() == all.size(); }));
  const uint64_t entry = newest_keyframe(upload.reader.lane());
  client.leave();
  EXPECT_EQ(follow(upload).kind, Kind::kEnd);
  EXPECT_EQ(upload.bytes, all);
  ASSERT_GT(entry, 1U);
  ASSERT_LE(entry, upload.borders.size());
  const auto begin = static_cast<ptrdiff_t>(upload.borders[entry - 2]);
  const Bytes expected = message({tables, key, frame, tables});
  EXPECT_EQ(Bytes(upload.bytes.begin() + begin, upload.bytes.end()), expected);
}

TEST_F(SrtEngineLiveTest, TablesAloneAreNotHeldBack) {
  Host host(config_of_slots(8192));
  Upload upload(host, kNoLimit);
  SrtClient client(live_port_, false);
  engine_.lend(accept(), upload.feed, UINT64_MAX);
  client.send(association());
  EXPECT_TRUE(eventually([&] { return upload.feed->bytes() == kTsPacket; }));
  EXPECT_TRUE(eventually([&] { return upload.feed->last() == 1; }));
  client.leave();
  EXPECT_EQ(follow(upload).kind, Kind::kEnd);
}

}  // namespace
}  // namespace ur::test
#else
#include <gtest/gtest.h>

TEST(SrtEngineLiveTest, NeedsLibsrt) { GTEST_SKIP() << "libsrt was not found"; }
#endif
