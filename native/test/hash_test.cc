#include "core/hash.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <vector>

#include "core/machine.h"

namespace ur::test {
namespace {

// Vectors of the XXH3 reference (XSUM_XXH3_testdata, seed 0): bytes of its generator.
std::vector<uint8_t> reference_bytes(size_t length) {
  std::vector<uint8_t> bytes(length);
  uint64_t generator = 2654435761U;
  for (uint8_t& byte : bytes) {
    byte = static_cast<uint8_t>(generator >> 56);
    generator *= 11400714785074694797ULL;
  }
  return bytes;
}

TEST(HashTest, IsXxh3WithSeedZero) {
  const struct {
    size_t length;
    uint64_t hash;
  } vectors[] = {
      {0, 0x2D06800538D394C2ULL},    {1, 0xC44BDFF4074EECDBULL},    {6, 0x27B56A84CD2D7325ULL},
      {12, 0xA713DAF0DFBB77E7ULL},   {24, 0xA3FE70BF9D3510EBULL},   {48, 0x397DA259ECBA1F11ULL},
      {80, 0xBCDEFBBB2C47C90AULL},   {195, 0xCD94217EE362EC3AULL},  {403, 0xCDEB804D65C6DEA4ULL},
      {512, 0x617E49599013CB6BULL},  {2048, 0xDD59E2C3A5F038E0ULL}, {2240, 0x6E73A90539CF2948ULL},
      {2367, 0xCB37AEB9E5D361EDULL},
  };
  for (const auto& vector : vectors) {
    EXPECT_EQ(xxh3_64(reference_bytes(vector.length).data(), vector.length), vector.hash)
        << vector.length;
  }
}

// Copying and hashing in one must give the bytes and the hash, for every length, start and way.
TEST(HashTest, CopyAndHashIsACopyAndAHash) {
  constexpr size_t kRoom = (1 << 16) + 256;
  std::mt19937_64 random(1);
  std::vector<uint8_t> source(kRoom);
  for (uint8_t& byte : source) byte = static_cast<uint8_t>(random());
  std::vector<size_t> lengths;
  for (size_t length = 0; length <= 1100; length++) lengths.push_back(length);
  for (size_t length : {2047, 2048, 2049, 4096, 16383, 65535, 65536}) lengths.push_back(length);
  alignas(64) static uint8_t target[kRoom];
  for (size_t length : lengths) {
    const size_t from = length % 67;
    const size_t to = length % 3 == 0 ? 0 : 64 + length % 31;
    for (bool bypass_cache : {false, true}) {
      std::fill(target, target + kRoom, uint8_t{0xEE});
      const uint64_t hash = copy_and_hash(target + to, source.data() + from, length, bypass_cache);
      ASSERT_EQ(hash, xxh3_64(source.data() + from, length)) << length;
      ASSERT_TRUE(std::equal(target + to, target + to + length, source.data() + from)) << length;
      ASSERT_EQ(target[to + length], 0xEE) << "a byte too much of " << length;
      ASSERT_TRUE(to == 0 || target[to - 1] == 0xEE) << "a byte before";
    }
  }
}

TEST(HashTest, ReadsNothingBeyondItsInput) {
  for (size_t length : {0, 1, 15, 16, 63, 64, 65, 240, 241, 1023, 1024, 1025, 4097}) {
    // Blocks of their own size: AddressSanitizer sees a byte too much.
    const std::unique_ptr<uint8_t[]> source(new uint8_t[length]());
    const std::unique_ptr<uint8_t[]> target(new uint8_t[length]());
    for (bool bypass_cache : {false, true}) {
      EXPECT_EQ(copy_and_hash(target.get(), source.get(), length, bypass_cache),
                xxh3_64(source.get(), length));
    }
  }
}

// Pieces of every size must give the hash of the whole.
TEST(HashTest, ARunningHashIsTheHashOfTheWhole) {
  constexpr size_t kLength = 1 << 16;
  std::mt19937_64 random(2);
  std::vector<uint8_t> source(kLength);
  for (uint8_t& byte : source) byte = static_cast<uint8_t>(random());
  alignas(64) static uint8_t target[kLength + 1];
  RunningHash hash;
  for (int round = 0; round < 200; round++) {
    std::fill(target, target + kLength + 1, uint8_t{0xEE});
    const size_t length = round % 4 == 0 ? kLength : random() % kLength;
    hash.reset();
    for (size_t at = 0; at < length;) {
      const size_t largest = size_t{1} << (random() % 17);
      const size_t piece = std::min<size_t>(1 + random() % largest, length - at);
      hash.copy(target + at, source.data() + at, piece);
      at += piece;
    }
    ASSERT_EQ(hash.digest(), xxh3_64(source.data(), length)) << length;
    ASSERT_TRUE(std::equal(target, target + length, source.data())) << length;
    ASSERT_EQ(target[length], 0xEE) << "a byte too much of " << length;
  }
}

TEST(MachineTest, KnowsWhatThereIs) {
  const MachineMemory memory = machine_memory();
  EXPECT_GT(memory.total, 0U);
  EXPECT_LE(memory.available, memory.total);
  EXPECT_GT(memory.usable(), 0U);
  EXPECT_LE(memory.usable(), memory.available);
}

TEST(MachineTest, TheTightestLimitCounts) {
  MachineMemory memory;
  memory.available = 1000;
  EXPECT_EQ(memory.usable(), 1000U);
  memory.cgroup_limit = 700;
  memory.cgroup_used = 200;
  EXPECT_EQ(memory.usable(), 500U);
  memory.cgroup_used = 800;
  EXPECT_EQ(memory.usable(), 0U);
  memory.cgroup_limit = 5000;
  EXPECT_EQ(memory.usable(), 1000U);
}

}  // namespace
}  // namespace ur::test
