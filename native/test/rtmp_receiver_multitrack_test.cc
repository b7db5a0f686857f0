#include "rtmp/receiver.h"
#include "test/support/host.h"
#include "test/support/rtmp_bytes.h"
#include "test/support/rtmp_units.h"

namespace ur::test {
namespace {

// A late reader that begins with the default track's keyframe gets those of the same message.
TEST(RtmpReceiverMultitrack, KeyframesOfTheDefaultTrackAreMarked) {
  Host host;
  const uint64_t id = host.open();
  const LaneWriter writer = request_writer(host, id);
  LaneReader reader = join(host.worker(1), id, kRequestLane);
  RtmpReceiver receiver(65'536, 5000, true);
  const auto give = [&](Bytes bytes) {
    receiver.push(bytes.data(), bytes.size());
    RtmpNotice notice;
    while (receiver.next(&notice)) {
      receiver.go_on();
      receiver.push(nullptr, 0);
    }
  };
  const auto give_tracks = [&](const std::string& first, const std::string& track) {
    give(rtmp_message(rtmp_type::kVideo, 0,
                      from_hex(first + "61766331 01" + track + "00" + track)));
  };
  const std::string frame = "000005 00000001 65";
  give(rtmp_handshake());
  receiver.publish(1);
  give_tracks("96 10", "00000f 014d401fffe1000267aa01000268ee");
  receiver.lend(std::make_shared<LaneFeed>(writer, Bytes{'h'}, UINT64_MAX));
  give_tracks("96 13", frame);
  const LaneRef lane = host.request(id);
  const uint64_t marked = newest_keyframe(lane);
  EXPECT_GT(marked, 0U);
  give(rtmp_message(rtmp_type::kVideo, 40, from_hex("96 03 61766331 01 00000001 65")));
  give_tracks("a6 13", frame);
  EXPECT_EQ(newest_keyframe(lane), marked) << "another track's, and no keyframes";

  Bytes body;
  SlotView views[16];
  uint32_t count = 1;
  while (count > 0) {
    EXPECT_OK(reader.tail(views, 16, &count));
    for (uint32_t i = 0; i < count; i++) {
      if ((views[i].flags & kSlotBody) == 0 || views[i].id < marked) continue;
      body.insert(body.end(), views[i].data, views[i].data + views[i].length);
    }
  }
  const std::vector<Unit> units = units_of(body);
  ASSERT_EQ(units.size(), 5U);
  const int tracks[] = {0, 1, 1, 0, 1};
  for (size_t i = 0; i < units.size(); i++) {
    EXPECT_EQ(units[i].track, tracks[i]);
    EXPECT_EQ(units[i].key, i < 3 ? 1 : 0);
    EXPECT_EQ(units[i].id, static_cast<int64_t>(i));
  }
}

}  // namespace
}  // namespace ur::test
