#include "rtmp/media_assembler.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "rtmp/wire.h"
#include "test/support/rtmp_units.h"

namespace ur::test {
namespace {

const std::string kHevc = "01 0000000000000000000000000000000000000000 ff 03 "
                          "20 0001 0002 4001 21 0001 0002 4201 22 0001 0002 4401";
const std::string kHevcSets = "000000014001000000014201000000014401";

struct Result {
  Assembled assembled = Assembled::kNothing;
  Status status = Status::kOk;
  Unit unit;
};

class RtmpMedia : public ::testing::Test {
 protected:
  Result take(uint8_t type, uint32_t timestamp, std::vector<uint8_t> message) {
    AccessUnit unit;
    RtmpFailure failure;
    Result result;
    result.assembled = media_.take({type, 1, timestamp, message.data(),
                                    static_cast<uint32_t>(message.size())},
                                   &unit, &failure);
    result.status = failure.status;
    if (result.assembled != Assembled::kUnit) return result;
    const std::vector<Unit> units = units_of(bytes_of(unit));
    EXPECT_EQ(units.size(), 1U);
    if (units.size() != 1) return result;
    EXPECT_EQ(units[0].key, unit.key ? 1 : 0);
    EXPECT_EQ(units[0].track, 0);
    result.unit = units[0];
    return result;
  }
  Result video(uint32_t timestamp, const std::string& text) {
    return take(rtmp_type::kVideo, timestamp, from_hex(text));
  }
  Result audio(uint32_t timestamp, const std::string& text) {
    return take(rtmp_type::kAudio, timestamp, from_hex(text));
  }
  Unit video_unit(uint32_t timestamp, const std::string& text) {
    const Result result = video(timestamp, text);
    EXPECT_EQ(result.assembled, Assembled::kUnit) << text;
    return result.unit;
  }

  MediaAssembler media_;
};

TEST_F(RtmpMedia, H264SetsBeforeKeyframesAfterTheDelimiterAndWhereTheyChange) {
  EXPECT_EQ(video(0, "17 01 000000 00000001 65").assembled, Assembled::kNothing);
  EXPECT_EQ(media_.dropped_frames(), 1U);
  EXPECT_EQ(video(0, "17 00 000000" + kAvc).assembled, Assembled::kNothing);
  EXPECT_EQ(media_.default_video()->record, from_hex(kAvc));
  const Unit key = video_unit(1000, "17 01 000028 00000002 0910 00000001 65 00000001 66");
  EXPECT_EQ(key.type, 0x1B);
  EXPECT_EQ(key.key, 1);
  EXPECT_EQ(key.id, 0);
  EXPECT_EQ(key.dts, 1000);
  EXPECT_EQ(key.pts, 1040);
  EXPECT_EQ(key.data, "000000010910" + kAvcSets + "00000001650000000166");
  const Unit late = video_unit(1040, "27 01 ffffd8 00000001 41");
  EXPECT_EQ(late.key, 0);
  EXPECT_EQ(late.id, 1);
  EXPECT_EQ(late.pts, 1000);
  EXPECT_EQ(late.data, "0000000141");
  const std::string changed = "01 4d401f ff e1 0004 67aabbcd 01 0002 68dd";
  (void)video(1080, "17 00 000000" + changed);
  EXPECT_EQ(video_unit(1080, "27 01 000000 00000001 41").data,
            "0000000167aabbcd0000000168dd0000000141");
  EXPECT_EQ(video_unit(1120, "27 01 000000 00000001 41").data, "0000000141");
  EXPECT_EQ(media_.video_counts().units, 4U);
  EXPECT_EQ(media_.video_counts().keyframes, 1U);
  EXPECT_EQ(media_.video_counts().dts_ms, 1120);
}

// What start codes cannot take the place of is built anew, and must come to the same.
TEST_F(RtmpMedia, EmptyNalUnitsAndShortLengths) {
  (void)video(0, "17 00 000000" + kAvc);
  EXPECT_EQ(video_unit(0, "17 01 000000 00000002 0910 00000000 00000001 65").data,
            "000000010910" + kAvcSets + "0000000165");
  EXPECT_EQ(video_unit(0, "17 01 000000 00000002 0910 00000000").data, "000000010910" + kAvcSets);
  EXPECT_EQ(video_unit(0, "17 01 000000 00000002 0910").data, "000000010910" + kAvcSets);
  for (const char* const length : {"fc", "fd"}) {
    std::string record = kAvc;
    record.replace(record.find("ff"), 2, length);
    const std::string zeros = std::string(length) == "fc" ? "" : "00";
    (void)video(0, "17 00 000000" + record);
    const std::string frame = zeros + "02 0910" + zeros + "01 65" + zeros + "02 6601";
    EXPECT_EQ(video_unit(0, "17 01 000000" + frame).data,
              "000000010910" + kAvcSets + "0000000165000000016601");
    EXPECT_EQ(video_unit(0, "27 01 000000" + frame).data,
              "0000000109100000000165000000016601");
  }
}

TEST_F(RtmpMedia, H265TheOlderIdAndEnhanced) {
  (void)video(0, "1c 00 000000" + kHevc);
  const Unit old = video_unit(0, "1c 01 000000 00000002 2601");
  EXPECT_EQ(old.type, 0x24);
  EXPECT_EQ(old.data, kHevcSets + "000000012601");
  (void)video(0, "90 68766331" + kHevc);
  EXPECT_EQ(video_unit(0, "91 68766331 000005 00000002 2601").pts, 5);
  EXPECT_EQ(video_unit(9, "a3 68766331 00000002 0201").pts, 9);
  // ModEx of 3 bytes, then coded frames without an offset.
  EXPECT_EQ(video_unit(9, "a7 02 010203 03 68766331 00000002 0201").id, 3);
  EXPECT_EQ(video(9, "92 68766331").assembled, Assembled::kNothing);
}

TEST_F(RtmpMedia, AacAlsoAsMp4a) {
  for (const auto& [config, frame] :
       {std::pair{"af 00 1210", "af 01 0102030405"},
        std::pair{"90 6d703461 1210", "91 6d703461 0102030405"}}) {
    media_ = {};
    EXPECT_EQ(audio(0, frame).assembled, Assembled::kNothing);
    EXPECT_EQ(audio(0, config).assembled, Assembled::kNothing);
    const Unit unit = audio(7, frame).unit;
    EXPECT_EQ(unit.type, 0x0F);
    EXPECT_EQ(unit.key, 0);
    EXPECT_EQ(unit.dts, 7);
    EXPECT_EQ(unit.pts, 7);
    EXPECT_EQ(unit.data, "fff15080019ffc0102030405");
  }
}

TEST_F(RtmpMedia, TimesThatWrapAndJumpBack) {
  (void)video(0, "17 00 000000" + kAvc);
  const char* const frame = "27 01 000000 00000001 41";
  EXPECT_EQ(video_unit(0xFFFFFFF0, frame).dts, 0xFFFFFFF0);
  EXPECT_EQ(video_unit(24, frame).dts, int64_t{1} << 32 | 24);
  EXPECT_EQ(video_unit(4, frame).dts, int64_t{1} << 32 | 4);
  EXPECT_EQ(video_unit(0xFFFFFFF8, frame).dts, 0xFFFFFFF8);
}

TEST_F(RtmpMedia, AStreamThatGoesOnAfterAnotherConnection) {
  (void)video(0, "17 00 000000" + kAvc);
  EXPECT_FALSE(media_.newest_ms().has_value());
  EXPECT_EQ(video_unit(90, "17 01 000050 00000001 65").pts, 170);
  EXPECT_EQ(media_.units(), 1U);
  EXPECT_EQ(media_.newest_ms(), 170);

  media_ = MediaAssembler(false, Continuation{media_.units(), 500});
  (void)video(7000, "17 00 000000" + kAvc);
  (void)audio(7000, "af 00 1210");
  EXPECT_EQ(sample_rate(*media_.default_audio()->config), 44100U);
  EXPECT_EQ(channels(*media_.default_audio()->config), 2U);
  EXPECT_EQ(video(7000, "27 01 000000 00000001 41").assembled, Assembled::kNothing);
  EXPECT_EQ(media_.dropped_frames(), 1U);
  const Unit sound = audio(7010, "af 01 2020").unit;
  EXPECT_EQ(sound.id, 1);
  EXPECT_EQ(sound.dts, 500);
  // The other track began a little earlier: its times never lie before those that went out.
  const Unit key = video_unit(7004, "17 01 000028 00000001 65");
  EXPECT_EQ(key.id, 2);
  EXPECT_EQ(key.dts, 500);
  EXPECT_EQ(key.pts, 540);
  EXPECT_EQ(key.data, kAvcSets + "0000000165");
  const Unit next = video_unit(7050, "27 01 000000 00000001 41");
  EXPECT_EQ(next.id, 3);
  EXPECT_EQ(next.dts, 540);
  EXPECT_EQ(next.data, "0000000141");
}

// Records begin with 81; 0a: a sequence header, 32: a frame, 30: a frame that does not say its size.
TEST_F(RtmpMedia, Av1HasADelimiterAndItsSequenceHeader) {
  const std::string record = "81 00 0c 00 0a 02 aabb";
  (void)video(0, "90 61763031" + record);
  EXPECT_EQ(media_.default_video()->codec, MediaCodec::kAv1);
  EXPECT_EQ(media_.default_video()->record, from_hex(record));
  const Unit key = video_unit(10, "91 61763031 32 03 112233");
  EXPECT_EQ(key.type, 0x9F);
  EXPECT_EQ(key.key, 1);
  EXPECT_EQ(key.pts, 10);
  EXPECT_EQ(key.data, "12000a02aabb3203112233");
  // It is not said twice, and neither is the delimiter.
  EXPECT_EQ(video_unit(20, "91 61763031 1200 0a 02 aabb 32 01 11").data, "12000a02aabb320111");
  EXPECT_EQ(video_unit(25, "a1 61763031 16 08 00 32 01 11").data, "1200320111");
  EXPECT_EQ(video_unit(25, "a1 61763031 12 8000 30 11").data, "1200320111");
  EXPECT_EQ(video_unit(30, "a1 61763031 32 01 11 30 2233").data, "120032011132022233");
  EXPECT_EQ(video_unit(40, "a1 61763031 34 40 2233").data, "12003640022233");
  for (const char* const broken :
       {"a1 61763031 32 04 112233", "a1 61763031 32", "a1 61763031 b2 00",
        "a1 61763031 32 ff ff ff ff", "90 61763031 82 00 00 00", "90 61763031 81 00",
        "90 61763031 81000c00 0a 05 aa",
        "90 61763031 81000c00 08 aa"}) {
    EXPECT_EQ(video(50, broken).status, Status::kMediaInvalid) << broken;
  }
}

TEST_F(RtmpMedia, Vp9AndOpusAreAsTheyCome) {
  EXPECT_EQ(video(0, "91 76703039 82aabb").assembled, Assembled::kNothing);
  EXPECT_EQ(media_.dropped_frames(), 1U);
  (void)video(0, "90 76703039 01000000 00 0a 82 02 02 02 0000");
  const Unit key = video_unit(10, "91 76703039 82aabb");
  EXPECT_EQ(key.type, 0x9E);
  EXPECT_EQ(key.key, 1);
  EXPECT_EQ(key.data, "82aabb");

  const std::string head = "4f70757348656164 01 02 3801 80bb0000 0000 00";
  EXPECT_EQ(audio(0, "91 4f707573 fcaa").assembled, Assembled::kNothing);
  EXPECT_EQ(audio(0, "90 4f707573 4f7075734865616401").status, Status::kMediaInvalid);
  (void)audio(0, "90 4f707573" + head);
  EXPECT_EQ(media_.default_audio()->codec, MediaCodec::kOpus);
  EXPECT_EQ(media_.default_audio()->record, from_hex(head));
  const Unit sound = audio(20, "91 4f707573 fcaa").unit;
  EXPECT_EQ(sound.type, 0x9C);
  EXPECT_EQ(sound.data, "fcaa");
}

TEST_F(RtmpMedia, WhatNoDecoderCouldTake) {
  (void)video(0, "17 00 000000" + kAvc);
  for (const char* const text :
       {"27 01 000000 000000", "27 01 000000 00000002 65", "27 01 000000 ffffffff 65",
        "27 01 000000 00000001 65 00", "17", "17 01", "17 01 0000", "91 6876",
        "91 68766331 0000", "97 ff", "97 ff ff"}) {
    EXPECT_EQ(video(0, text).status, Status::kMediaInvalid) << text;
  }
  for (const char* const text : {"12", "90 76703038", "95 68766331", "98 68766331"}) {
    EXPECT_EQ(video(0, text).status, Status::kMediaUnsupported) << text;
  }
  for (const char* const text : {"2f 00", "91 664c6143", "93 00", "96 00"}) {
    EXPECT_EQ(audio(0, text).status, Status::kMediaUnsupported) << text;
  }
  (void)audio(0, "af 00 1210");
  std::vector<uint8_t> long_frame(8192);
  long_frame[0] = 0xAF;
  long_frame[1] = 1;
  EXPECT_EQ(take(rtmp_type::kAudio, 0, long_frame).status, Status::kMediaInvalid);
  for (const char* const text : {"", "57 00", "17 02 000000", "27 01 000000"}) {
    const Result result = video(0, text);
    EXPECT_EQ(result.assembled, Assembled::kNothing) << text;
    EXPECT_EQ(result.status, Status::kOk) << text;
  }
}

TEST(RtmpVideoConfig, EverySetAndTheLengthOfLengths) {
  VideoConfig config;
  RtmpFailure failure;
  const auto avc = from_hex(kAvc);
  const auto hevc = from_hex(kHevc);
  ASSERT_TRUE(parse_avc_config(avc.data(), static_cast<uint32_t>(avc.size()), &config, &failure));
  EXPECT_EQ(config.length_bytes, 4U);
  EXPECT_EQ(to_hex(config.sets), kAvcSets);
  for (uint32_t size = 0; size < avc.size(); size++) {
    const std::vector<uint8_t> part(avc.begin(), avc.begin() + size);
    EXPECT_FALSE(parse_avc_config(part.data(), size, &config, &failure));
    EXPECT_EQ(failure.status, Status::kMediaInvalid);
  }
  ASSERT_TRUE(parse_hevc_config(hevc.data(), static_cast<uint32_t>(hevc.size()), &config,
                                &failure));
  EXPECT_EQ(to_hex(config.sets), kHevcSets);
  for (uint32_t size = 0; size < hevc.size(); size++) {
    const std::vector<uint8_t> part(hevc.begin(), hevc.begin() + size);
    EXPECT_FALSE(parse_hevc_config(part.data(), size, &config, &failure));
  }
  for (const char* const text : {"00 4d401f ff e1 0001 67 00", "01 4d401f fe e1 0001 67 00",
                                 "01 4d401f ff e0 00"}) {
    const auto record = from_hex(text);
    EXPECT_FALSE(parse_avc_config(record.data(), static_cast<uint32_t>(record.size()), &config,
                                  &failure))
        << text;
  }
  // It would make a large unit of each small frame.
  std::vector<uint8_t> large = from_hex("01 4d401f ff e1 9c40");
  large.resize(large.size() + 40'000, 0x67);
  large.push_back(0);
  EXPECT_FALSE(parse_avc_config(large.data(), static_cast<uint32_t>(large.size()), &config,
                                &failure));
}

TEST(RtmpAudioConfig, WhatAdtsCanSayAndWhatNot) {
  const auto parse = [](const char* text, AudioConfig* config) {
    const auto record = from_hex(text);
    RtmpFailure failure;
    (void)parse_audio_config(record.data(), static_cast<uint32_t>(record.size()), config,
                             &failure);
    return failure.status;
  };
  struct Case {
    const char* record;
    uint32_t type, rate, channels;
  };
  // LC; LC with a tail; SBR at 44.1 kHz over a core at 22.05 kHz; a rate in full.
  for (const Case& one : {Case{"1210", 2, 4, 2}, Case{"1210 56e500", 2, 4, 2},
                          Case{"2b920800", 2, 7, 2}, Case{"17805dc008", 2, 3, 1}}) {
    AudioConfig config;
    EXPECT_EQ(parse(one.record, &config), Status::kOk) << one.record;
    EXPECT_EQ(config.object_type, one.type) << one.record;
    EXPECT_EQ(config.rate_index, one.rate) << one.record;
    EXPECT_EQ(config.channels, one.channels) << one.record;
  }
  AudioConfig config;
  EXPECT_EQ(parse("1200", &config), Status::kMediaUnsupported);
  EXPECT_EQ(parse("1690", &config), Status::kMediaUnsupported);
  EXPECT_EQ(parse("f8", &config), Status::kMediaInvalid);
  EXPECT_EQ(parse("12", &config), Status::kMediaInvalid);
  EXPECT_EQ(parse("", &config), Status::kMediaInvalid);
}

}  // namespace
}  // namespace ur::test
