#include "mpegts/entry_gate.h"

#include <gtest/gtest.h>

#include "test/support/ts_packets.h"

namespace ur::test {
namespace {

Bytes key() { return packet(kVideoPid, with(kVideoPes, "00000001 67"), {true, true}); }
Bytes frame() { return packet(kVideoPid, with(kVideoPes, "00000001 41")); }
Bytes tables() { return message({association(), map(kH264AndAac)}); }

class MpegtsEntryGate : public ::testing::Test {
 protected:
  MpegtsEntryGate() {
    EXPECT_FALSE(gate_.pass(tables(), 1));
    gate_.forget();
  }
  bool pass(const Bytes& message, uint64_t now_ns = 10) { return gate_.pass(message, now_ns); }
  bool keeps(const Bytes& bytes) const {
    return std::equal(bytes.begin(), bytes.end(), gate_.kept().begin(), gate_.kept().end());
  }

  EntryGate gate_;
};

TEST_F(MpegtsEntryGate, WhatHasNeitherGoesOn) {
  EXPECT_TRUE(pass(frame()));
  EXPECT_TRUE(pass(Bytes(1316, 0x11)));
  EXPECT_FALSE(gate_.complete());
}

TEST_F(MpegtsEntryGate, AKeyframeIsAnEntry) {
  EXPECT_FALSE(pass(key()));
  EXPECT_TRUE(gate_.complete() && gate_.entry() && keeps(key()));
  gate_.forget();
  EXPECT_FALSE(pass(message({tables(), key()})));
  EXPECT_TRUE(gate_.complete() && gate_.entry());
}

TEST_F(MpegtsEntryGate, TablesBeforeItBelongToIt) {
  EXPECT_FALSE(pass(message({frame(), tables()})));
  EXPECT_FALSE(gate_.complete());
  EXPECT_FALSE(pass(key()));
  EXPECT_TRUE(gate_.complete() && gate_.entry());
  EXPECT_TRUE(keeps(message({frame(), tables(), key()})));
}

TEST_F(MpegtsEntryGate, TablesBeforeSomethingElseAreNone) {
  EXPECT_FALSE(pass(tables()));
  EXPECT_FALSE(pass(frame()));
  EXPECT_TRUE(gate_.complete());
  EXPECT_FALSE(gate_.entry());
  EXPECT_TRUE(keeps(message({tables(), frame()})));
  gate_.forget();
  EXPECT_TRUE(pass(frame()));
}

TEST_F(MpegtsEntryGate, TablesWaitForNobodyForLong) {
  EXPECT_FALSE(pass(tables(), 100));
  EXPECT_FALSE(gate_.due(100 + EntryGate::kLongestNs - 1));
  EXPECT_TRUE(gate_.due(100 + EntryGate::kLongestNs));
  EXPECT_FALSE(gate_.entry());
}

}  // namespace
}  // namespace ur::test
