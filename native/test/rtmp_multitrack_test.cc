// Messages with several tracks: first byte, multitrack type and packet type, then the tracks.

#include <gtest/gtest.h>

#include "rtmp/media_assembler.h"
#include "test/support/rtmp_units.h"

namespace ur::test {
namespace {

using Texts = std::vector<std::string>;

// FourCCs in digits.
const std::string kAvc1 = "61766331";
const std::string kHvc1 = "68766331";
const std::string kVp09 = "76703039";
const std::string kMp4a = "6d703461";
const std::string kOpus = "4f707573";
const std::string kOpusHead = "4f70757348656164 01 02 3801 80bb0000 0000 00";
const std::string kOtherAvc = "01 4d401f ff e1 0004 67112233 01 0002 6844";
const std::string kOtherSets = "0000000167112233000000016844";

// A track's id, length and data.
std::string sized(int track, const std::string& text) {
  const std::vector<uint8_t> data = from_hex(text);
  const auto size = static_cast<uint8_t>(data.size());
  return to_hex({static_cast<uint8_t>(track), 0, 0, size}) + to_hex(data);
}

std::string one_byte(int value) { return to_hex({static_cast<uint8_t>(value)}); }

class RtmpMultitrack : public ::testing::Test {
 protected:
  struct Result {
    Assembled assembled = Assembled::kNothing;
    Status status = Status::kOk;
    bool key = false;
    std::vector<Unit> units;
  };

  Result take(uint8_t type, uint32_t timestamp, const std::string& text) {
    std::vector<uint8_t> message = from_hex(text);
    AccessUnit unit;
    RtmpFailure failure;
    Result result;
    result.assembled = media_.take(
        {type, 1, timestamp, message.data(), static_cast<uint32_t>(message.size())}, &unit,
        &failure);
    result.status = failure.status;
    result.key = unit.key;
    if (result.assembled != Assembled::kUnit) return result;
    const std::vector<uint8_t> bytes = bytes_of(unit);
    result.units = units_of(bytes);
    size_t size = 0;
    for (const Unit& one : result.units) size += 30 + one.data.size() / 2;
    EXPECT_EQ(size, bytes.size());
    return result;
  }
  Result video(uint32_t timestamp, const std::string& text) {
    return take(rtmp_type::kVideo, timestamp, text);
  }
  Result audio(uint32_t timestamp, const std::string& text) {
    return take(rtmp_type::kAudio, timestamp, text);
  }
  Unit video_unit(uint32_t timestamp, const std::string& text) {
    const Result result = video(timestamp, text);
    EXPECT_EQ(result.units.size(), 1U) << text;
    return result.units.empty() ? Unit{} : result.units[0];
  }

  MediaAssembler media_{true, std::nullopt};
};

TEST_F(RtmpMultitrack, TracksOfTheirOwnMessagesBesideAnOrdinaryOne) {
  (void)video(0, "17 00 000000" + kAvc);
  EXPECT_EQ(video(0, "96 00" + kAvc1 + "01" + kOtherAvc).assembled, Assembled::kNothing);
  const Result first = video(0, "17 01 000028 00000001 65");
  EXPECT_TRUE(first.key);
  EXPECT_EQ(first.units.at(0).track, 0);
  EXPECT_EQ(first.units.at(0).data, kAvcSets + "0000000165");
  const Result other = video(0, "96 01" + kAvc1 + "01 000050 00000001 65");
  EXPECT_FALSE(other.key) << "late readers begin with the default track";
  EXPECT_EQ(other.units.at(0).track, 1);
  EXPECT_EQ(other.units.at(0).key, 1);
  EXPECT_EQ(other.units.at(0).id, 1);
  EXPECT_EQ(other.units.at(0).pts, 80);
  EXPECT_EQ(other.units.at(0).data, kOtherSets + "0000000165");
  // The other track's sets are its own, and so is whether they were written.
  EXPECT_EQ(video_unit(40, "a6 03" + kAvc1 + "01 00000001 41").data, "0000000141");
  EXPECT_EQ(video_unit(40, "27 01 000000 00000001 41").data, "0000000141");
  // ModEx before it.
  EXPECT_EQ(video_unit(80, "a7 02 010203 06 03" + kAvc1 + "01 00000001 41").track, 1);
  EXPECT_EQ(media_.video_counts().units, 2U) << "of the default track";
  EXPECT_EQ(media_.default_video()->record, from_hex(kAvc));
  EXPECT_EQ(media_.video_tracks().at(1).record, from_hex(kOtherAvc));
}

TEST_F(RtmpMultitrack, ManyTracksInOneMessageTheDefaultOneFirst) {
  const std::string configs = sized(7, kOtherAvc) + sized(2, kAvc);
  EXPECT_EQ(video(0, "96 10" + kAvc1 + configs).assembled, Assembled::kNothing);
  ASSERT_EQ(media_.video_tracks().size(), 2U);
  EXPECT_EQ(media_.default_video()->id, 2);
  const Result result = video(5, "96 11" + kAvc1 + sized(7, "000001 00000001 65") +
                                     sized(2, "000002 00000002 6502"));
  EXPECT_TRUE(result.key);
  ASSERT_EQ(result.units.size(), 2U);
  EXPECT_EQ(result.units[0].track, 2);
  EXPECT_EQ(result.units[0].id, 0);
  EXPECT_EQ(result.units[0].pts, 7);
  EXPECT_EQ(result.units[0].data, kAvcSets + "000000016502");
  EXPECT_EQ(result.units[1].track, 7);
  EXPECT_EQ(result.units[1].id, 1);
  EXPECT_EQ(result.units[1].pts, 6);
  EXPECT_EQ(result.units[1].data, kOtherSets + "0000000165");
  // A track that has no configuration is dropped, the others are not.
  const Result rest = video(9, "a6 11" + kAvc1 + sized(3, "000000 00000001 41") +
                                   sized(7, "000000 00000001 41"));
  ASSERT_EQ(rest.units.size(), 1U);
  EXPECT_EQ(rest.units[0].track, 7);
  EXPECT_EQ(media_.dropped_frames(), 1U);
}

TEST_F(RtmpMultitrack, ManyCodecsInOneMessage) {
  const std::string vpcc = "01000000 00 0a 82 02 02 02 0000";
  (void)video(0, "96 20" + kVp09 + sized(127, vpcc) + kAvc1 + sized(0, kAvc));
  const Result result = video(0, "96 21" + kVp09 + sized(127, "82aabb") + kAvc1 +
                                     sized(0, "000000 00000001 65"));
  ASSERT_EQ(result.units.size(), 2U);
  EXPECT_EQ(result.units[0].type, 0x1B);
  EXPECT_EQ(result.units[1].type, 0x9E);
  EXPECT_EQ(result.units[1].track, 127);
  EXPECT_EQ(result.units[1].key, 1);
  EXPECT_EQ(result.units[1].data, "82aabb");

  (void)audio(0, "95 20" + kMp4a + sized(0, "1210") + kOpus + sized(1, kOpusHead));
  const Result sound =
      audio(20, "95 21" + kMp4a + sized(0, "0102030405") + kOpus + sized(1, "fcaa"));
  ASSERT_EQ(sound.units.size(), 2U);
  EXPECT_FALSE(sound.key);
  EXPECT_EQ(sound.units[0].data, "fff15080019ffc0102030405");
  EXPECT_EQ(sound.units[1].type, 0x9C);
  EXPECT_EQ(sound.units[1].track, 1);
  EXPECT_EQ(sound.units[1].key, 0);
  EXPECT_EQ(sound.units[1].data, "fcaa");
  EXPECT_EQ(media_.audio_counts().units, 1U);
  // One track alone, with another configuration of its own.
  (void)audio(30, "95 00" + kMp4a + "02 1190");
  EXPECT_EQ(audio(40, "95 01" + kMp4a + "02 0102").units.at(0).data, "fff14c80013ffc0102");
}

TEST_F(RtmpMultitrack, TheEndOfATrackHandsTheKeyframesOn) {
  (void)video(0, "96 10" + kAvc1 + sized(0, kAvc) + sized(1, kOtherAvc));
  const std::string frames = sized(0, "00000001 65") + sized(1, "00000001 65");
  EXPECT_EQ(video(0, "96 13" + kAvc1 + frames).units.size(), 2U);
  EXPECT_FALSE(video(1, "96 03" + kAvc1 + "01 00000001 65").key);
  EXPECT_EQ(video(2, "96 02" + kAvc1 + "00").assembled, Assembled::kNothing);
  EXPECT_TRUE(video(3, "96 03" + kAvc1 + "01 00000001 65").key);
  // It was none: the track goes on.
  EXPECT_TRUE(video(4, "96 03" + kAvc1 + "00 00000001 65").key);
  EXPECT_FALSE(video(5, "96 03" + kAvc1 + "01 00000001 65").key);
  // As encoders without multitrack say it of their only track.
  EXPECT_EQ(video(6, "17 02 000000").assembled, Assembled::kNothing);
  EXPECT_TRUE(video(7, "96 03" + kAvc1 + "01 00000001 65").key);
  // Of all of them.
  EXPECT_EQ(video(8, "96 12" + kAvc1 + sized(0, "") + sized(1, "")).assembled,
            Assembled::kNothing);
  EXPECT_EQ(video(9, "96 14 030000").assembled, Assembled::kNothing) << "metadata";
}

TEST_F(RtmpMultitrack, WhatGoesOnBeginsWithAKeyframeOfEachTrack) {
  media_ = MediaAssembler(true, Continuation{10, 500});
  (void)video(0, "96 10" + kAvc1 + sized(0, kAvc) + sized(1, kOtherAvc));
  const auto both = [](const std::string& data) { return sized(0, data) + sized(1, data); };
  EXPECT_EQ(video(0, "a6 13" + kAvc1 + both("00000001 41")).assembled, Assembled::kNothing);
  EXPECT_EQ(media_.dropped_frames(), 2U);
  const Unit key = video_unit(40, "96 03" + kAvc1 + "00 00000001 65");
  EXPECT_EQ(key.id, 10);
  EXPECT_EQ(key.dts, 500);
  const Result mixed = video(80, "a6 13" + kAvc1 + both("00000001 41"));
  ASSERT_EQ(mixed.units.size(), 1U);
  EXPECT_EQ(mixed.units[0].track, 0);
  EXPECT_EQ(video_unit(120, "96 03" + kAvc1 + "01 00000001 65").data,
            kOtherSets + "0000000165");
  EXPECT_EQ(video(160, "a6 13" + kAvc1 + both("00000001 41")).units.size(), 2U);
}

TEST_F(RtmpMultitrack, WhatIsNotValidAndWhatIsNotTaken) {
  (void)video(0, "96 10" + kAvc1 + sized(0, kAvc) + sized(1, kOtherAvc));
  const std::string frame = "000000 00000001 65";
  const Texts broken = {
      "96",
      "96 11 6176",
      "96 11" + kAvc1,
      "96 11" + kAvc1 + "00",
      "96 11" + kAvc1 + "00 0000",
      "96 11" + kAvc1 + "00 000007" + frame + "41",       // a second track that is cut short
      "96 11" + kAvc1 + "00 000009" + frame,              // one byte more than there is
      "96 11" + kAvc1 + "00 ffffff" + frame,
      "96 11" + kAvc1 + sized(0, "0000"),                 // no room for the offset
      "96 11" + kAvc1 + sized(0, "000000 00000002 65"),   // a NAL unit beyond its track
      "96 11" + kAvc1 + sized(0, frame) + sized(0, frame),
      "96 21 6176",
      "96 21" + kAvc1,
      "96 21" + kAvc1 + sized(0, frame) + "61",
      "96 01" + kAvc1,
      "96 00" + kAvc1 + "05",                             // no record
      "96 16" + kAvc1 + sized(0, frame),                  // multitrack inside of it
      "97 00 01 06",
      "97 00 01 06 11" + kAvc1 + "00 ffffff",
  };
  for (const std::string& text : broken) {
    EXPECT_EQ(video(0, text).status, Status::kMediaInvalid) << text;
  }
  const Texts unknown = {
      "96 31" + kAvc1 + "00" + frame,  "96 f1" + kAvc1 + "00" + frame,
      "96 05" + kAvc1 + "00" + frame,  "96 07" + kAvc1 + "00" + frame,
      "96 01 76703038 00" + frame,     "96 21 76703038" + sized(0, frame)};
  for (const std::string& text : unknown) {
    EXPECT_EQ(video(0, text).status, Status::kMediaUnsupported) << text;
  }
  const Texts large = {"96 01" + kAvc1 + "80" + frame, "96 00" + kAvc1 + "ff" + kAvc,
                       "96 11" + kAvc1 + sized(0, frame) + sized(128, frame)};
  for (const std::string& text : large) {
    EXPECT_EQ(video(0, text).status, Status::kTrackIdTooLarge) << text;
  }
  EXPECT_EQ(audio(0, "95 15" + kMp4a + sized(0, "1210")).status, Status::kMediaInvalid);
  EXPECT_EQ(audio(0, "95 03" + kMp4a + "00 1210").status, Status::kMediaUnsupported);
  EXPECT_EQ(audio(0, "95 00 664c6143 00 1210").status, Status::kMediaUnsupported);
  EXPECT_EQ(audio(0, "95 00" + kMp4a + "80 1210").status, Status::kTrackIdTooLarge);
  // A command for players, and nothing at all.
  EXPECT_EQ(video(0, "d6 00").assembled, Assembled::kNothing);
  EXPECT_EQ(video(0, "96 11" + kAvc1 + sized(0, "000000")).assembled, Assembled::kNothing);
}

TEST_F(RtmpMultitrack, MoreTracksThanAreTaken) {
  for (int track = 0; track < static_cast<int>(kMaxTracks); track++) {
    EXPECT_EQ(video(0, "96 00" + kAvc1 + one_byte(track + 3) + kAvc).status, Status::kOk);
  }
  EXPECT_EQ(video(0, "96 00" + kAvc1 + "05" + kOtherAvc).status, Status::kOk) << "there already";
  EXPECT_EQ(video(0, "96 00" + kAvc1 + "00" + kAvc).status, Status::kTooManyTracks);
  EXPECT_EQ(audio(0, "95 00" + kMp4a + "00 1210").status, Status::kOk) << "counted apart";
  std::string frames;
  for (int track = 0; track <= static_cast<int>(kMaxTracks); track++) {
    frames += sized(track, "000000 00000001 65");
  }
  EXPECT_EQ(video(0, "96 11" + kAvc1 + frames).status, Status::kTooManyTracks);
}

TEST_F(RtmpMultitrack, UnlessItIsOn) {
  media_ = MediaAssembler();
  EXPECT_EQ(video(0, "96 00" + kAvc1 + "00" + kAvc).status, Status::kMultitrackOff);
  EXPECT_EQ(audio(0, "95 00" + kMp4a + "00 1210").status, Status::kMultitrackOff);
  EXPECT_EQ(audio(0, "97 00 01 05 00" + kMp4a + "00 1210").status, Status::kMultitrackOff);
}

}  // namespace
}  // namespace ur::test
