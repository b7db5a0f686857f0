// docs/segment-format.md against the code: offsets, sizes and constants of its tables, the places of its
// tiny geometry, and its dumps. A dump that is wrong is printed as it should be.

#include <gtest/gtest.h>

#include <cstddef>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "control/protocol.h"
#include "core/claim.h"
#include "core/hash.h"
#include "core/lane_reader.h"
#include "test/support/format_page.h"
#include "test/support/tiny_segment.h"

namespace ur {
namespace {

struct Field {
  std::string name;
  uint64_t offset;
  uint64_t size;
  bool operator==(const Field&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Field& field) {
  return out << field.name << " | " << field.offset << " | " << field.size;
}

#define UR_FIELD(type, name) Field{#name, offsetof(type, name), sizeof(type::name)}

const std::map<std::string, std::vector<Field>>& fields() {
  using S = SegmentHeader;
  using P = PoolRow;
  using W = WorkerRow;
  using R = StreamRow;
  static const std::map<std::string, std::vector<Field>> kFields = {
      {"Hello", {UR_FIELD(Hello, magic), UR_FIELD(Hello, abi_major), UR_FIELD(Hello, abi_minor),
                 UR_FIELD(Hello, role), UR_FIELD(Hello, capacity), UR_FIELD(Hello, name),
                 UR_FIELD(Hello, observer), UR_FIELD(Hello, boot_uuid),
                 UR_FIELD(Hello, generation), UR_FIELD(Hello, worker), UR_FIELD(Hello, reserved)}},
      {"Order", {UR_FIELD(Order, kind), UR_FIELD(Order, worker)}},
      {"Welcome", {UR_FIELD(Welcome, magic), UR_FIELD(Welcome, status), UR_FIELD(Welcome, worker),
                   UR_FIELD(Welcome, generation), UR_FIELD(Welcome, segment_size),
                   UR_FIELD(Welcome, abi_major), UR_FIELD(Welcome, abi_minor),
                   UR_FIELD(Welcome, text)}},
      {"SegmentHeader",
       {UR_FIELD(S, magic), UR_FIELD(S, abi_major), UR_FIELD(S, abi_minor), UR_FIELD(S, endian_tag),
        UR_FIELD(S, header_size), UR_FIELD(S, total_size), UR_FIELD(S, boot_uuid),
        UR_FIELD(S, features_required), UR_FIELD(S, features_optional),
        UR_FIELD(S, created_unix_ns), UR_FIELD(S, server_pid), UR_FIELD(S, pool_count),
        UR_FIELD(S, worker_count), UR_FIELD(S, stream_count), UR_FIELD(S, observer_count),
        UR_FIELD(S, arbiter), UR_FIELD(S, pool_table_offset), UR_FIELD(S, pool_stride),
        UR_FIELD(S, worker_table_offset), UR_FIELD(S, worker_stride),
        UR_FIELD(S, signal_table_offset), UR_FIELD(S, signal_stride),
        UR_FIELD(S, stream_table_offset), UR_FIELD(S, stream_stride),
        UR_FIELD(S, request_data_begin), UR_FIELD(S, request_data_end), UR_FIELD(S, observers),
        UR_FIELD(S, state), UR_FIELD(S, serial), UR_FIELD(S, responders_waiting),
        UR_FIELD(S, observers_waiting)}},
      {"PoolRow",
       {UR_FIELD(P, name), UR_FIELD(P, first_stream), UR_FIELD(P, stream_count),
        UR_FIELD(P, slot_size), UR_FIELD(P, slot_stride), UR_FIELD(P, request_slots),
        UR_FIELD(P, response_slots), UR_FIELD(P, stage_slots), UR_FIELD(P, stage_count),
        UR_FIELD(P, readers_per_lane), UR_FIELD(P, lane_stride), UR_FIELD(P, lane_offset),
        UR_FIELD(P, slot_header_offset), UR_FIELD(P, slot_header_stride),
        UR_FIELD(P, request_data_offset), UR_FIELD(P, request_data_stride),
        UR_FIELD(P, response_data_offset), UR_FIELD(P, response_data_stride),
        UR_FIELD(P, stages)}},
      {"WorkerRow", {UR_FIELD(W, owner), UR_FIELD(W, pid), UR_FIELD(W, role), UR_FIELD(W, observer),
                     UR_FIELD(W, reserved), UR_FIELD(W, attached_ns), UR_FIELD(W, name),
                     UR_FIELD(W, heartbeat_ns), UR_FIELD(W, capacity), UR_FIELD(W, in_flight),
                     UR_FIELD(W, doorbell), UR_FIELD(W, asleep)}},
      {"StreamRow", {UR_FIELD(R, state), UR_FIELD(R, pool), UR_FIELD(R, ingress),
                     UR_FIELD(R, abort), UR_FIELD(R, required), UR_FIELD(R, opened_ns),
                     UR_FIELD(R, serial), UR_FIELD(R, transport), UR_FIELD(R, verdicts)}},
      {"Verdict", {UR_FIELD(Verdict, word), UR_FIELD(Verdict, status),
                   UR_FIELD(Verdict, reason_length), UR_FIELD(Verdict, reason)}},
      {"Lane", {UR_FIELD(Lane, intent), UR_FIELD(Lane, last), UR_FIELD(Lane, keyframe),
                UR_FIELD(Lane, wake),
                UR_FIELD(Lane, reserved), UR_FIELD(Lane, parked), UR_FIELD(Lane, writer_parked),
                UR_FIELD(Lane, claim), UR_FIELD(Lane, failure), UR_FIELD(Lane, claimant),
                UR_FIELD(Lane, readers)}},
      {"ReaderWord", {UR_FIELD(ReaderWord, owner), UR_FIELD(ReaderWord, cursor),
                      UR_FIELD(ReaderWord, pad)}},
      {"SlotHeader", {UR_FIELD(SlotHeader, seq), UR_FIELD(SlotHeader, length),
                      UR_FIELD(SlotHeader, flags), UR_FIELD(SlotHeader, xxh3),
                      UR_FIELD(SlotHeader, timestamp_ns), UR_FIELD(SlotHeader, pins),
                      UR_FIELD(SlotHeader, keyframe), UR_FIELD(SlotHeader, pad)}},
  };
  return kFields;
}

#undef UR_FIELD

const std::map<std::string, uint64_t>& sizes() {
  static const std::map<std::string, uint64_t> kSizes = {
      {"Hello", sizeof(Hello)},         {"Welcome", sizeof(Welcome)},
      {"Order", sizeof(Order)},
      {"PoolRow", sizeof(PoolRow)},     {"SegmentHeader", sizeof(SegmentHeader)},
      {"Verdict", sizeof(Verdict)},     {"WorkerRow", sizeof(WorkerRow)},
      {"Lane", sizeof(Lane)},           {"StreamRow", sizeof(StreamRow)},
      {"ReaderWord", sizeof(ReaderWord)}, {"SlotHeader", sizeof(SlotHeader)}};
  return kSizes;
}

template <typename Value>
uint64_t as_number(Value value) {
  return static_cast<uint64_t>(value);
}

#define UR_NAMED(name) {#name, as_number(name)}

const std::map<std::string, uint64_t>& constants() {
  static const std::map<std::string, uint64_t> kConstants = {
      UR_NAMED(kSegmentMagic), UR_NAMED(kControlMagic), UR_NAMED(kAbiMajor), UR_NAMED(kAbiMinor),
      UR_NAMED(kEndianTag), UR_NAMED(kMaxWorkers), UR_NAMED(kMaxPools), UR_NAMED(kMaxStreams),
      UR_NAMED(kMaxStages), UR_NAMED(kMaxObservers), UR_NAMED(kMaxReadersPerLane),
      UR_NAMED(kMaxSlotsPerLane), UR_NAMED(kMinSlotSize), UR_NAMED(kMaxSlotSize),
      UR_NAMED(kNameBytes), UR_NAMED(kLaneBytes), UR_NAMED(kWriterBit), UR_NAMED(kClaimOrphan),
      UR_NAMED(kNoIndex), UR_NAMED(kFeatureResume), UR_NAMED(kOrderKill),
      UR_NAMED(kResumeGraceNs), UR_NAMED(ReaderState::kEvicting),
      UR_NAMED(SegmentState::kInit), UR_NAMED(SegmentState::kReady),
      UR_NAMED(SegmentState::kClosing), UR_NAMED(SegmentState::kDead),
      UR_NAMED(WorkerState::kFree), UR_NAMED(WorkerState::kAttached), UR_NAMED(WorkerState::kDead),
      UR_NAMED(kRoleIngress), UR_NAMED(kRoleResponder), UR_NAMED(kRoleObserver),
      UR_NAMED(kRoleMonitor), UR_NAMED(StreamState::kFree), UR_NAMED(StreamState::kOpening),
      UR_NAMED(StreamState::kOpen), UR_NAMED(StreamState::kClosing), UR_NAMED(ReaderState::kFree),
      UR_NAMED(ReaderState::kJoining), UR_NAMED(ReaderState::kActive), UR_NAMED(kSlotHead),
      UR_NAMED(kSlotBody), UR_NAMED(kSlotEnd), UR_NAMED(kSlotControl), UR_NAMED(kSlotTrailers),
      UR_NAMED(VerdictState::kPending), UR_NAMED(VerdictState::kHeld),
      UR_NAMED(VerdictState::kPassed), UR_NAMED(VerdictState::kVetoed), UR_NAMED(kRequestLane),
      UR_NAMED(kResponseLane), UR_NAMED(kFirstStageLane)};
  return kConstants;
}

#undef UR_NAMED

std::map<std::string, uint64_t> numbers(const FormatPage::Rows& rows) {
  std::map<std::string, uint64_t> result;
  for (const auto& row : rows) result[unquoted(row.at(0))] = number_of(row.at(1));
  return result;
}

TEST(Format, EveryStructureIsAsThePageSays) {
  const FormatPage page;
  for (const auto& [name, expected] : fields()) {
    std::vector<Field> written;
    for (const auto& row : page.table("layout " + name + " " + std::to_string(sizes().at(name)))) {
      written.push_back({unquoted(row.at(0)), number_of(row.at(1)), number_of(row.at(2))});
    }
    EXPECT_EQ(written, expected) << name << " of " << sizes().at(name) << " bytes";
  }
}

TEST(Format, EveryConstantIsAsThePageSays) {
  EXPECT_EQ(numbers(FormatPage().table("constants")), constants());
}

TEST(Format, TheTinyGeometryIsWhereThePageSays) {
  const TinySegment tiny;
  EXPECT_EQ(numbers(FormatPage().table("places")), tiny.places());
}

TEST(Format, PackedWordsAreAsThePageSays) {
  const std::map<std::string, uint64_t> expected = {
      {"id of stream 5 in generation 3", make_stream_id(3, 5)},
      {"`state` of an open stream in generation 3", open_state(3)},
      {"`owner` of a free reader word in generation 3", uint64_t{3} << 32},
      {"`owner` of an active reader, generation 3, worker 7",
       reader_owner(3, 7, ReaderState::kActive)},
      {"`cursor` with tag 2 after id 9", uint64_t{2} << 48 | 9},
      {"`claim` free, generation 3, attempt 1", uint64_t{3} << 32 | 1U << 16},
      {"`claim` of worker 7, generation 3, attempt 1", uint64_t{3} << 32 | 1U << 16 | 8},
      {"the same, orphaned", uint64_t{3} << 32 | 1U << 16 | kClaimOrphan | 8},
      {"verdict held by worker 7, generation 3, attempt 0",
       uint64_t{3} << 32 | 8U << 8 | as_number(VerdictState::kHeld)},
      {"`seq` of slot 9, ready", 2 * 9},
      {"`xxh3` of an end slot", xxh3_64("", 0)}};
  EXPECT_EQ(numbers(FormatPage().table("words")), expected);
}

TEST(Format, ANewSegmentIsTheGoldenOne) {
  TinySegment tiny;
  EXPECT_EQ(FormatPage().dump("new segment"),
            dump_of(tiny.bytes(), {{0, sizeof(SegmentHeader)}, {kPageSize, 2 * sizeof(PoolRow)}}));
}

TEST(Format, AnAnsweredStreamIsTheGoldenOne) {
  TinySegment tiny;
  tiny.answer_one_request();
  EXPECT_EQ(FormatPage().dump("stream"), dump_of(tiny.bytes(), tiny.first_stream_ranges()));
}

TEST(Format, AHelloIsTheGoldenOne) {
  Hello hello = {};
  hello.magic = kControlMagic;
  hello.abi_major = kAbiMajor;
  hello.abi_minor = kAbiMinor;
  hello.role = kRoleResponder;
  hello.capacity = 16;
  std::memcpy(hello.name, "checksum", 8);
  const auto* bytes = reinterpret_cast<const uint8_t*>(&hello);
  EXPECT_EQ(FormatPage().dump("hello"), dump_of({bytes, bytes + sizeof hello}, {{0, sizeof hello}}));
}

}  // namespace
}  // namespace ur
