#include "rtmp/chunk_reader.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "test/support/hex.h"

namespace ur::test {
namespace {

constexpr uint32_t kMax = 100'000;

struct Seen {
  uint32_t type = 0;
  uint32_t stream_id = 0;
  uint32_t timestamp = 0;
  std::string hex;
  bool operator==(const Seen&) const = default;
};

struct Outcome {
  std::vector<Seen> seen;
  Status status = Status::kOk;
  std::string detail;
};

// What comes out when `bytes` come in pieces of `size`.
Outcome read_in(const std::vector<uint8_t>& bytes, size_t size, uint32_t max = kMax) {
  Outcome outcome;
  ChunkReader reader(max);
  for (size_t at = 0; at < bytes.size(); at += size) {
    // A copy of its own, so that the sanitizer sees what reads beyond it.
    std::vector<uint8_t> piece(bytes.begin() + static_cast<ptrdiff_t>(at),
                               bytes.begin() + static_cast<ptrdiff_t>(
                                                   std::min(bytes.size(), at + size)));
    uint8_t* from = piece.data();
    uint8_t* const end = from + piece.size();
    RtmpMessage message;
    RtmpFailure failure;
    ChunkReader::Result result = ChunkReader::Result::kMessage;
    while (result == ChunkReader::Result::kMessage) {
      result = reader.read(&from, end, &message, &failure);
      if (result == ChunkReader::Result::kFailed) {
        outcome.status = failure.status;
        outcome.detail = failure.detail;
        return outcome;
      }
      if (result == ChunkReader::Result::kMore) break;
      outcome.seen.push_back({message.type, message.stream_id, message.timestamp,
                              to_hex(message.data, message.size)});
    }
    EXPECT_EQ(from, end);
  }
  return outcome;
}

Outcome read_hex(const std::string& text, uint32_t max = kMax) {
  const std::vector<uint8_t> bytes = from_hex(text);
  return read_in(bytes, bytes.size(), max);
}

std::vector<std::string> contents(const Outcome& outcome) {
  std::vector<std::string> list;
  for (const Seen& one : outcome.seen) list.push_back(one.hex);
  return list;
}

const std::string kChunksOf2 = "02 000000 000004 01 00000000 00000002 ";
const std::string kChunksOf4 = "02 000000 000004 01 00000000 00000004 ";

std::string repeated(const std::string& text, int count) {
  std::string all;
  for (int i = 0; i < count; i++) all += text;
  return all;
}

TEST(RtmpChunkReader, InterleavedMessagesInPiecesOfEverySize) {
  // Each longer than a chunk, in the three forms of chunk stream ids.
  const auto bytes = from_hex(kChunksOf4 +
                              "04 000010 000006 09 01000000 aaaaaaaa"
                              "00 24 000011 000005 08 01000000 bbbbbbbb"
                              "c4 aaaa c0 24 bb"
                              "01 0001 000012 000002 14 00000000 cccc");
  const std::vector<Seen> expected = {
      {9, 1, 16, "aaaaaaaaaaaa"}, {8, 1, 17, "bbbbbbbbbb"}, {20, 0, 18, "cccc"}};
  for (size_t size = 1; size <= bytes.size(); size++) {
    EXPECT_EQ(read_in(bytes, size).seen, expected) << "pieces of " << size;
  }
}

TEST(RtmpChunkReader, HeadsThatLeaveFieldsOut) {
  const std::vector<Seen> expected = {
      {9, 1, 16, "aa"}, {9, 1, 32, "bb"}, {8, 1, 35, "cccc"}, {8, 1, 40, "dddd"}, {8, 1, 45, "eeee"}};
  EXPECT_EQ(read_hex("04 000010 000001 09 01000000 aa"  // 16, and 16 is what is repeated
                     "c4 bb"
                     "44 000003 000002 08 cccc"  // 3 more, another length and type
                     "84 000005 dddd"
                     "c4 eeee")
                .seen,
            expected);
}

TEST(RtmpChunkReader, ExtendedTimesBeforeChunksThatGoOnToo) {
  const auto bytes = from_hex(kChunksOf2 +
                              "04 ffffff 000003 09 01000000 fffffff0 aaaa c4 fffffff0 aa"
                              "84 000020 bbbb c4 bb");
  const std::vector<Seen> expected = {{9, 1, 0xFFFFFFF0, "aaaaaa"}, {9, 1, 0x10, "bbbbbb"}};
  for (size_t size = 1; size <= bytes.size(); size++) {
    EXPECT_EQ(read_in(bytes, size).seen, expected) << "pieces of " << size;
  }
}

TEST(RtmpChunkReader, AbortDropsWhatWasBegun) {
  const auto bytes = from_hex(kChunksOf2 +
                              "04 000000 000003 09 01000000 aaaa"
                              "02 000000 000004 02 00000000 0000 c2 0004"
                              "04 000000 000001 09 01000000 bb"
                              "04 000000 000000 09 01000000");
  for (size_t size = 1; size <= bytes.size(); size++) {
    EXPECT_EQ(contents(read_in(bytes, size)), (std::vector<std::string>{"bb", ""}));
  }
}

TEST(RtmpChunkReader, TheMemoryOfAMessageServesTheNextOne) {
  std::string text = kChunksOf4;
  std::vector<std::string> expected;
  for (int i = 0; i < 5; i++) {
    const std::string byte = to_hex({static_cast<uint8_t>(i + 1)});
    const int size = 40 - 8 * i;
    text += "04 000000 0000" + to_hex({static_cast<uint8_t>(size)}) + " 09 01000000";
    for (int at = 0; at < size; at += 4) text += (at == 0 ? "" : "c4") + repeated(byte, 4);
    expected.push_back(repeated(byte, size));
  }
  EXPECT_EQ(contents(read_hex(text)), expected);
}

TEST(RtmpChunkReader, TooLargeAloneOrTogether) {
  EXPECT_EQ(read_hex("04 000000 ffffff 09 01000000", 1000).status, Status::kRtmpMessageTooLarge);
  const auto half = [](const std::string& stream) {
    return stream + " 000000 000190 09 01000000" + repeated("aa", 128);
  };
  EXPECT_EQ(read_hex(half("04") + half("05"), 1000).status, Status::kOk);
  EXPECT_EQ(read_hex(half("04") + half("05") + half("06"), 1000).status,
            Status::kRtmpMessageTooLarge);
  // What was aborted does not count any more.
  EXPECT_EQ(read_hex(half("04") + half("05") + "02 000000 000004 02 00000000 00000004" + half("06"),
                     1000)
                .status,
            Status::kOk);
}

TEST(RtmpChunkReader, WhatBreaksTheProtocol) {
  const std::string whole = repeated("aa", 128);
  std::string many;
  for (int i = 0; i < 65; i++) {
    many += "00" + to_hex({static_cast<uint8_t>(i)}) + "000000 000000 09 01000000";
  }
  for (const std::string& text : {
           std::string("c4"),
           std::string("44 000000 000001 09"),
           std::string("02 000000 000004 01 00000000 00000000"),
           std::string("02 000000 000004 01 00000000 80000000"),
           std::string("02 000000 000001 01 00000000 00"),
           std::string("02 000000 000001 02 00000000 00"),
           "04 000000 000100 09 01000000" + whole + "04 000000 000001 09 01000000",
           many,
       }) {
    const Outcome outcome = read_hex(text);
    EXPECT_EQ(outcome.status, Status::kRtmpProtocol) << text;
    EXPECT_NE(outcome.detail, "") << text;
  }
}

}  // namespace
}  // namespace ur::test
