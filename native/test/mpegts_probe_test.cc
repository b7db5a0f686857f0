#include "mpegts/probe.h"

#include <gtest/gtest.h>

#include "test/support/hex.h"
#include "test/support/ts_packets.h"

namespace ur::test {
namespace {

class MpegtsProbe : public ::testing::Test {
 protected:
  TsLook look(std::initializer_list<Bytes> packets) { return probe_.look(message(packets), ++now_); }
  const TsFacts& facts() const { return probe_.facts(); }

  TsProbe probe_;
  uint64_t now_ = 0;
};

TEST_F(MpegtsProbe, TellsWhatIsInAStream) {
  EXPECT_TRUE(look({association(), map(kH264AndAac)}).tables);
  EXPECT_EQ(facts().video_codec, TsCodec::kH264);
  EXPECT_EQ(facts().audio_codec, TsCodec::kAac);
  const TsLook at_key = look({packet(kVideoPid, with(kVideoPes, "00000001 67aabb"), {true, true}),
                              packet(kVideoPid, from_hex("ccdd"), {false, false})});
  EXPECT_TRUE(at_key.keyframe);
  EXPECT_FALSE(at_key.tables);
  look({packet(kVideoPid, with(kVideoPes, "00000001 4111"))});
  EXPECT_EQ(facts().video.units, 2U);
  EXPECT_EQ(facts().video.keyframes, 1U);
  EXPECT_EQ(facts().video.keyframe_ns, 2U);
  EXPECT_EQ(facts().video.newest_ns, 3U);
  EXPECT_EQ(facts().video.bytes, 7U + 2 + 6);
  EXPECT_EQ(facts().video.dts_ms, 33);
  EXPECT_EQ(to_hex(facts().video_start.data(), facts().video_start.size()), "0000000167aabbccdd");
}

TEST_F(MpegtsProbe, TellsRateAndChannelsOfAac) {
  look({association(), map(kH264AndAac)});
  look({packet(kAudioPid, with("000001c00000 800005 2100010001", "fff14c80"))});
  EXPECT_EQ(facts().sample_rate, 48000U);
  EXPECT_EQ(facts().channels, 2U);
  EXPECT_EQ(facts().audio.units, 1U);
  EXPECT_EQ(facts().audio.bytes, 4U);
}

TEST_F(MpegtsProbe, NamesCodecsOfPrivateDataByTheirDescriptors) {
  look({association(), map("06 e101 f006 0504 48455643 06 e102 f00a 0504 4f707573 7f028002")});
  EXPECT_EQ(facts().video_codec, TsCodec::kH265);
  EXPECT_EQ(facts().audio_codec, TsCodec::kOpus);
  EXPECT_STREQ(codec_name(facts().audio_codec), "opus");
  EXPECT_EQ(codec_name(TsCodec::kUnknown), nullptr);
}

TEST_F(MpegtsProbe, SeesAKeyframeByItsSequenceSetToo) {
  look({association(), map("24 e101 f000")});
  EXPECT_FALSE(look({packet(kVideoPid, with(kVideoPes, "00000001 0201"))}).keyframe);
  EXPECT_TRUE(look({packet(kVideoPid, with(kVideoPes, "00000001 4601 50 000001 4201"))}).keyframe);
}

TEST_F(MpegtsProbe, TablesCountOnlyWhileNoKeyframeHasFollowed) {
  look({association(), map(kH264AndAac)});
  const Bytes key = packet(kVideoPid, with(kVideoPes, "00000001 67"), {true, true});
  EXPECT_TRUE(look({association(), map(kH264AndAac), key}).keyframe);
  const TsLook after = look({key, association()});
  EXPECT_TRUE(after.keyframe);
  EXPECT_FALSE(after.tables);
}

TEST_F(MpegtsProbe, PutsAMapOfSeveralPacketsTogether) {
  look({association()});
  std::string streams = "1b e101 f000";
  for (int i = 0; i < 40; i++) streams += "86 e1ff f003 050100";
  streams += "0f e102 f000";
  const Bytes whole = section("02 0001 c1 00 00 e101 f000" + streams);
  ASSERT_GT(whole.size(), size_t{183});
  const Bytes first(whole.begin(), whole.begin() + 170);
  const Bytes second(whole.begin() + 170, whole.begin() + 340);
  const Bytes rest(whole.begin() + 340, whole.end());
  look({packet(kMapPid, first), packet(kMapPid, second, {false, false})});
  EXPECT_EQ(facts().audio_codec, TsCodec::kUnknown);
  look({packet(kMapPid, rest, {false, false})});
  EXPECT_EQ(facts().video_codec, TsCodec::kH264);
  EXPECT_EQ(facts().audio_codec, TsCodec::kAac);
}

TEST_F(MpegtsProbe, PassesOverWhatIsNoTransportStream) {
  const TsLook none = look({Bytes(kTsPacket, 0x11), Bytes(100, 0x47)});
  EXPECT_FALSE(none.keyframe || none.tables);
  // Lengths beyond the packet.
  Bytes field = packet(kVideoPid, {});
  field[4] = 200;
  Bytes pointer = packet(0, {250, 0, 0});
  Bytes length = packet(0, section("00 0001 c1 00 00 0001 e100"));
  length[kTsPacket - 16 + 2] = 0xFF;
  look({field, pointer, length, association(), map("1b e101 ffff")});
  look({packet(kVideoPid, with(kVideoPes, "00000001 67"), {true, true})});
  EXPECT_EQ(facts().video_codec, TsCodec::kUnknown);
  EXPECT_EQ(facts().video.units, 0U);
}

}  // namespace
}  // namespace ur::test
