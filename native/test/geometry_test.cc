#include "core/geometry.h"

#include <gtest/gtest.h>

#include "test/support/host.h"

namespace ur::test {
namespace {

class GeometryTest : public ::testing::Test {
 protected:
  Status plan() { return plan_geometry(config_, &geometry_, &detail_); }
  PoolConfig& pool() { return config_.pools[0]; }

  SegmentConfig config_ = small_config();
  Geometry geometry_;
  std::string detail_;
};

struct Bound {
  const char* key;
  uint32_t PoolConfig::*field;
  uint32_t low, high;
};

TEST_F(GeometryTest, AcceptsExactlyTheDocumentedRanges) {
  const Bound bounds[] = {
      {"streams", &PoolConfig::streams, 1, kMaxStreams},
      {"slotSize", &PoolConfig::slot_size, kMinSlotSize, kMaxSlotSize},
      {"requestSlots", &PoolConfig::request_slots, 2, kMaxSlotsPerLane},
      {"responseSlots", &PoolConfig::response_slots, 2, kMaxSlotsPerLane},
      {"stageSlots", &PoolConfig::stage_slots, 2, kMaxSlotsPerLane},
      {"readersPerLane", &PoolConfig::readers_per_lane, 2, kMaxReadersPerLane},
  };
  for (const Bound& bound : bounds) {
    for (uint32_t value : {bound.low, bound.high}) {
      config_ = small_config();
      pool().*bound.field = value;
      EXPECT_EQ(plan(), Status::kOk) << bound.key << " " << value << ": " << detail_;
    }
    for (uint32_t value : {bound.low - 1, bound.high + 1, ~0U}) {
      config_ = small_config();
      pool().*bound.field = value;
      EXPECT_EQ(plan(), Status::kInvalidGeometry) << bound.key << " " << value;
      for (const std::string& part : {std::string(bound.key), std::to_string(value),
                                      std::to_string(bound.low), std::to_string(bound.high)}) {
        EXPECT_NE(detail_.find(part), std::string::npos) << part << " in: " << detail_;
      }
    }
  }
}

TEST_F(GeometryTest, ChecksWorkersPoolsAndNames) {
  const auto refused = [this](auto change) {
    config_ = small_config();
    change(config_);
    return plan() == Status::kInvalidGeometry && !detail_.empty();
  };
  EXPECT_TRUE(refused([](auto& c) { c.max_workers = 0; }));
  EXPECT_TRUE(refused([](auto& c) { c.max_workers = 64; }));
  EXPECT_TRUE(refused([](auto& c) { c.pools.clear(); }));
  EXPECT_TRUE(refused([](auto& c) { c.pools.resize(17, c.pools[0]); }));
  EXPECT_TRUE(refused([](auto& c) { c.pools.push_back(c.pools[0]); })) << "two of one name";
  EXPECT_TRUE(refused([](auto& c) { c.pools[0].name = ""; }));
  EXPECT_TRUE(refused([](auto& c) { c.pools[0].name = std::string(32, 'n'); }));
  EXPECT_TRUE(refused([](auto& c) { c.pools[0].name = std::string("a\0b", 3); }));
  EXPECT_TRUE(refused([](auto& c) { c.pools[0].stages = {""}; }));
  EXPECT_TRUE(refused([](auto& c) { c.pools[0].stages.resize(9, "s"); }));
  EXPECT_TRUE(refused([](auto& c) { c.pools[0].stages = {"one", "one"}; })) << "which one?";
  EXPECT_TRUE(refused([](auto& c) { c.observers.resize(9, "o"); }));
  EXPECT_TRUE(refused([](auto& c) { c.observers = {""}; }));
  EXPECT_TRUE(refused([](auto& c) { c.observers = {"scan", "scan"}; }))
      << "the second could never be given, and every response would wait for it";
  EXPECT_TRUE(refused([](auto& c) {
    c.pools[0].streams = 40000;
    c.pools.push_back(c.pools[0]);
    c.pools[1].name = "second";
  })) << "a stream id keeps its index in 16 bits";
}

TEST_F(GeometryTest, StageSlotsDoNotMatterWithoutStages) {
  pool().stages.clear();
  pool().stage_slots = 0;
  EXPECT_OK(plan());
}

// Everything stands where nothing else stands, aligned, inside; for many shapes.
TEST_F(GeometryTest, NothingOverlapsAndEverythingIsAligned) {
  for (uint32_t slot_size : {1024U, 1025U, 4095U, 4096U, 65536U, 100'001U}) {
    for (uint32_t stages : {0U, 1U, 3U}) {
      for (uint32_t streams : {1U, 65U}) {
        config_ = small_config();
        pool().slot_size = slot_size;
        pool().streams = streams;
        pool().stages.assign(stages, "");
        for (uint32_t i = 0; i < stages; i++) pool().stages[i] = "s" + std::to_string(i);
        pool().response_slots = 5;
        config_.pools.push_back(pool());
        config_.pools[1].name = "second";
        ASSERT_OK(plan()) << detail_;
        uint64_t end = geometry_.pool_table_offset + 2 * sizeof(PoolRow);
        const auto follows = [&end](uint64_t offset, uint64_t size, uint64_t alignment) {
          ASSERT_GE(offset, end);
          ASSERT_EQ(offset % alignment, 0U);
          end = offset + size;
        };
        follows(geometry_.worker_table_offset, 8 * sizeof(WorkerRow), 128);
        follows(geometry_.signal_table_offset, 8 * geometry_.signal_stride, 128);
        follows(geometry_.stream_table_offset, 2 * streams * sizeof(StreamRow), 128);
        for (const auto& placed : geometry_.pools) {
          follows(placed.lane_offset, uint64_t{streams} * (2 + stages) * placed.lane_stride, 128);
          follows(placed.slot_header_offset, streams * placed.slot_header_stride, 64);
        }
        ASSERT_GE(geometry_.control_size, end);
        ASSERT_EQ(geometry_.request_data_begin, geometry_.control_size);
        for (const auto& placed : geometry_.pools) {
          follows(placed.request_data_offset, streams * placed.request_data_stride, kPageSize);
          ASSERT_GE(placed.request_data_stride, 8ULL * placed.slot_stride);
          ASSERT_GE(placed.slot_stride, slot_size);
          ASSERT_EQ(placed.slot_stride % 64, 0U);
        }
        ASSERT_EQ(geometry_.request_data_end, end);
        for (const auto& placed : geometry_.pools) {
          follows(placed.response_data_offset, streams * placed.response_data_stride, kPageSize);
          const uint64_t slots = 5 + stages * 4ULL;
          ASSERT_GE(placed.response_data_stride, slots * placed.slot_stride);
        }
        ASSERT_EQ(geometry_.total_size, end);
        ASSERT_EQ(geometry_.signal_words, (2 * streams + 63) / 64);
      }
    }
  }
}

TEST_F(GeometryTest, TheLargestShapeDoesNotOverflow) {
  pool().streams = kMaxStreams;
  pool().slot_size = kMaxSlotSize;
  pool().request_slots = pool().response_slots = pool().stage_slots = kMaxSlotsPerLane;
  pool().readers_per_lane = kMaxReadersPerLane;
  pool().stages = {"1", "2", "3", "4", "5", "6", "7", "8"};
  EXPECT_EQ(plan(), Status::kInvalidGeometry);
  EXPECT_NE(detail_.find("more than can be mapped"), std::string::npos) << detail_;
}

// 100 streams of 16384 slots of 64 KB, both lanes: the example of the system that this one implements.
TEST_F(GeometryTest, TheOriginsExampleIsRefusedWithTheAmounts) {
  pool().stages.clear();
  pool().streams = 100;
  pool().slot_size = 64 << 10;
  pool().request_slots = pool().response_slots = 16384;
  ASSERT_OK(plan());
  EXPECT_GT(geometry_.start_size, 214'000'000'000U);
  EXPECT_EQ(geometry_.start_size, geometry_.total_size);
  EXPECT_EQ(Segment::check_memory(geometry_, &detail_), Status::kOutOfMemory);
  EXPECT_NE(detail_.find("needs 215.0 GB"), std::string::npos) << detail_;
  EXPECT_NE(detail_.find("GB available"), std::string::npos) << detail_;
  std::unique_ptr<Segment> segment;
  EXPECT_EQ(Segment::create(config_, &segment, &detail_), Status::kOutOfMemory);
  EXPECT_EQ(segment, nullptr);
}

TEST_F(GeometryTest, ElasticStartsWithTheWarmPart) {
  ASSERT_OK(plan());
  const uint64_t whole = geometry_.start_size;
  const uint64_t control = geometry_.control_size;
  config_.elastic = true;
  config_.warm_streams = 1;
  ASSERT_OK(plan());
  EXPECT_EQ(geometry_.start_size, control + (whole - control) / 4);
  config_.warm_streams = 100;
  ASSERT_OK(plan());
  EXPECT_EQ(geometry_.start_size, whole) << "no more than there are";
}

TEST(FormatBytesTest, WritesForPeople) {
  EXPECT_EQ(format_bytes(0), "0 B");
  EXPECT_EQ(format_bytes(999), "999 B");
  EXPECT_EQ(format_bytes(12'345), "12.3 KB");
  EXPECT_EQ(format_bytes(214'748'364'800), "214.7 GB");
  EXPECT_EQ(format_bytes(UINT64_MAX), "18446744.1 TB");
}

}  // namespace
}  // namespace ur::test
