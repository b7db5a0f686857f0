// The bytes of a segment. This file IS the format: docs/segment-format.md describes what stands here,
// and the static_asserts hold both to it.
//
// All words are little-endian and naturally aligned. Words that different processes write stand 128
// bytes apart (two cache lines: adjacent-line prefetchers pull pairs). Nothing here is a pointer or an
// object of a C library. Every value that another process can write is validated by its reader.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace ur {

inline constexpr uint64_t kSegmentMagic = 0x0147455350525055ULL;  // "UPRPSEG" and 0x01
inline constexpr uint32_t kAbiMajor = 1;  // another value cannot be read at all
inline constexpr uint32_t kAbiMinor = 3;  // larger values only add what an old reader may ignore
inline constexpr uint32_t kEndianTag = 0x01020304;

inline constexpr uint32_t kMaxWorkers = 63;  // bits 0..62 of a lock word; bit 63 is the writer
inline constexpr uint32_t kMaxPools = 16;
inline constexpr uint32_t kMaxStreams = 65536;  // a stream id keeps its index in 16 bits
inline constexpr uint32_t kMaxStages = 8;
inline constexpr uint32_t kMaxObservers = 8;
inline constexpr uint32_t kMaxReadersPerLane = 4096;
inline constexpr uint32_t kMaxSlotsPerLane = 1U << 20;
inline constexpr uint32_t kMinSlotSize = 1024;
inline constexpr uint32_t kMaxSlotSize = 2U << 20;
inline constexpr uint32_t kNameBytes = 32;  // names of pools, stages, observers: NUL-padded
inline constexpr uint64_t kWriterBit = 1ULL << 63;
inline constexpr uint32_t kNoIndex = 0xFFFFFFFFU;

// SegmentHeader.features_optional: bits. The arbiter may go and another ingress process take its
// place, so the connection's end is not yet the segment's: docs/segment-format.md, Resuming.
inline constexpr uint64_t kFeatureResume = 1;

// Header.state. Stored last, with release, by the server.
enum class SegmentState : uint32_t { kInit = 0, kReady = 1, kClosing = 2, kDead = 3 };

// WorkerRow.owner = generation << 8 | state.
enum class WorkerState : uint64_t { kFree = 0, kAttached = 1, kDead = 2 };

// WorkerRow.role: bits.
enum WorkerRole : uint32_t {
  kRoleIngress = 1,    // opens streams, writes request lanes, reads response lanes
  kRoleResponder = 2,  // claims responses; told of one new stream at a time
  kRoleObserver = 4,   // told of every new stream
  kRoleMonitor = 8,    // maps everything read-only and has no row
};

// StreamRow.state = generation << 8 | state; while it is kOpening also (ingress + 1) << 40, so that one
// compare-and-swap takes the place and says for whom.
enum class StreamState : uint64_t { kFree = 0, kOpening = 1, kOpen = 2, kClosing = 3 };

// ReaderWord.owner = stream generation << 32 | (worker + 1) << 8 | state; a free word keeps the
// generation, so that a join with a stale stream handle fails by itself.
enum class ReaderState : uint64_t { kFree = 0, kJoining = 1, kActive = 2, kEvicting = 3 };

// SlotHeader.flags.
enum SlotFlags : uint32_t {
  kSlotHead = 1,      // one HPKS headers frame
  kSlotBody = 2,      // raw bytes, never empty
  kSlotEnd = 4,       // length 0: the lane is complete
  kSlotControl = 8,   // the head once more, for late readers; never part of the body
  kSlotTrailers = 16  // one HPKS headers frame whose headers are the trailer fields
};

// Verdict.word = stream generation << 32 | attempt << 16 | (worker + 1) << 8 | state.
enum class VerdictState : uint64_t { kPending = 0, kHeld = 1, kPassed = 2, kVetoed = 3 };

// Lane.claim = stream generation << 32 | attempt << 16 | orphan << 8 | (worker + 1); the whole word
// is the fencing token of the claim. `orphan` is set by death recovery until the ingress decides.
inline constexpr uint64_t kClaimOrphan = 1ULL << 8;

enum LaneIndex : uint32_t { kRequestLane = 0, kResponseLane = 1, kFirstStageLane = 2 };

using AtomicU64 = std::atomic<uint64_t>;
using AtomicU32 = std::atomic<uint32_t>;
static_assert(AtomicU64::is_always_lock_free && sizeof(AtomicU64) == 8);
static_assert(AtomicU32::is_always_lock_free && sizeof(AtomicU32) == 4);

struct PoolRow {  // written once by the server
  char name[kNameBytes];
  uint32_t first_stream;
  uint32_t stream_count;
  uint32_t slot_size;    // bytes
  uint32_t slot_stride;  // bytes between two slots' data
  uint32_t request_slots;
  uint32_t response_slots;
  uint32_t stage_slots;
  uint32_t stage_count;
  uint32_t readers_per_lane;
  uint32_t lane_stride;           // bytes between two lanes' control blocks
  uint64_t lane_offset;           // lane l of stream s: + (s * (2 + stages) + l) * lane_stride
  uint64_t slot_header_offset;    // stream s: + s * slot_header_stride; request, response, stages
  uint64_t slot_header_stride;
  uint64_t request_data_offset;   // stream s: + s * request_data_stride
  uint64_t request_data_stride;
  uint64_t response_data_offset;  // stream s: + s * response_data_stride; response, stages
  uint64_t response_data_stride;
  char stages[kMaxStages][kNameBytes];
};
static_assert(sizeof(PoolRow) == 128 + kMaxStages * kNameBytes);

struct SegmentHeader {
  uint64_t magic;
  uint32_t abi_major;
  uint32_t abi_minor;
  uint32_t endian_tag;
  uint32_t header_size;
  uint64_t total_size;
  uint8_t boot_uuid[16];
  uint64_t features_required;  // an attacher that does not know a bit must refuse
  uint64_t features_optional;
  uint64_t created_unix_ns;
  uint32_t server_pid;  // for humans
  uint32_t pool_count;
  uint32_t worker_count;
  uint32_t stream_count;
  uint32_t observer_count;
  AtomicU32 arbiter;  // its row; for people
  uint64_t pool_table_offset;
  uint64_t pool_stride;
  uint64_t worker_table_offset;
  uint64_t worker_stride;
  uint64_t signal_table_offset;  // per worker one bit per stream: who rang, for which stream
  uint64_t signal_stride;
  uint64_t stream_table_offset;
  uint64_t stream_stride;
  uint64_t request_data_begin;  // [begin, end): workers map it read-only; page-aligned
  uint64_t request_data_end;
  char observers[kMaxObservers][kNameBytes];  // the required observers' names
  alignas(128) AtomicU32 state;               // SegmentState
  alignas(128) AtomicU64 serial;              // counts opened streams
  alignas(128) AtomicU64 responders_waiting;  // bitmap by worker: wants new streams, one at a time
  alignas(128) AtomicU64 observers_waiting;   // bitmap by worker: wants every new stream
};
static_assert(offsetof(SegmentHeader, observers) == 176);
static_assert(offsetof(SegmentHeader, state) == 512);
static_assert(sizeof(SegmentHeader) == 1024);

struct WorkerRow {
  AtomicU64 owner;  // server
  AtomicU32 pid;    // server; for humans
  AtomicU32 role;   // server; WorkerRole bits
  AtomicU32 observer;  // server; index of the required observer that it is, or kNoIndex
  AtomicU32 reserved;
  AtomicU64 attached_ns;  // server; CLOCK_MONOTONIC
  char name[64];          // server; before owner is stored
  alignas(128) AtomicU64 heartbeat_ns;  // worker; CLOCK_MONOTONIC
  AtomicU32 capacity;                   // worker; exchanges at once, 0 = does not say
  AtomicU32 in_flight;                  // worker; exchanges now
  alignas(128) AtomicU32 doorbell;      // anybody; the futex word
  AtomicU32 asleep;                     // worker; 1 while it waits on the doorbell
};
static_assert(sizeof(WorkerRow) == 384);
static_assert(offsetof(WorkerRow, doorbell) == 256);

struct Verdict {
  AtomicU64 word;
  AtomicU32 status;  // HTTP status of a veto
  AtomicU32 reason_length;
  char reason[112];  // UTF-8, bounded by its reader
};
static_assert(sizeof(Verdict) == 128);

struct StreamRow {
  AtomicU64 state;   // ingress
  AtomicU32 pool;    // ingress
  AtomicU32 ingress;  // worker row of the process that opened it
  AtomicU32 abort;   // ingress; a Status as a positive number, 0 = none
  AtomicU32 required;  // ingress; bitmap of required observers
  AtomicU64 opened_ns;
  AtomicU64 serial;
  char transport[16];  // ingress; for filters and humans
  alignas(128) Verdict verdicts[kMaxObservers];
};
static_assert(sizeof(StreamRow) == 128 + kMaxObservers * 128);

struct ReaderWord {
  AtomicU64 owner;
  AtomicU64 cursor;  // tag << 48 | acknowledged slot id; the tag changes when the word changes hands
  uint8_t pad[112];
};
static_assert(sizeof(ReaderWord) == 128);

struct Lane {
  AtomicU64 intent;  // writer: the id that it is about to write
  AtomicU64 last;    // writer: the newest published id; 0 = none
  AtomicU64 keyframe;  // writer: the newest slot that a late reader can begin with; 0 = none
  alignas(128) AtomicU32 wake;  // writer: counts publications
  AtomicU32 reserved;
  AtomicU64 parked;             // readers: bitmap by worker; the writer rings and clears it
  alignas(128) AtomicU32 writer_parked;  // writer: not 0: ring me when a slot may be free; new each time
  alignas(128) AtomicU64 claim;
  AtomicU32 failure;  // claim holder: a Status as a positive number: it gives up; 0 = none
  AtomicU32 claimant;  // claim holder: its row + 1, which stays when it gives the claim back; 0 = unknown
  alignas(128) ReaderWord readers[1];  // readers_per_lane of them
};
static_assert(offsetof(Lane, keyframe) == 16);
static_assert(offsetof(Lane, parked) == 136);
static_assert(offsetof(Lane, writer_parked) == 256);
static_assert(offsetof(Lane, claim) == 384);
static_assert(offsetof(Lane, claimant) == 396);
static_assert(offsetof(Lane, readers) == 512);
inline constexpr uint32_t kLaneBytes = 512;  // before its reader words

struct SlotHeader {
  AtomicU64 seq;  // 2 * id when ready, 2 * id + 1 while being written, 0 = never or torn
  AtomicU32 length;
  AtomicU32 flags;
  AtomicU64 xxh3;          // XXH3-64, seed 0
  AtomicU64 timestamp_ns;  // CLOCK_MONOTONIC
  AtomicU64 pins;          // the per-slot read-write lock: kWriterBit, or a bit per pinning worker
  AtomicU64 keyframe;      // the slot's own id: a late reader can begin here; anything else: it cannot
  uint8_t pad[16];
};
static_assert(offsetof(SlotHeader, keyframe) == 40);
static_assert(sizeof(SlotHeader) == 64);

// A stream id is generation << 16 | index: it fits a JavaScript number and an HPKS stream id.
constexpr uint64_t make_stream_id(uint64_t generation, uint32_t index) {
  return generation << 16 | index;
}
constexpr uint32_t stream_index(uint64_t id) { return static_cast<uint32_t>(id & 0xFFFF); }
constexpr uint64_t stream_generation(uint64_t id) { return (id >> 16) & 0xFFFFFFFFULL; }

// The parts of StreamRow.state.
constexpr uint64_t state_word(uint64_t generation, StreamState state) {
  return generation << 8 | static_cast<uint64_t>(state);
}
constexpr uint64_t opening_state(uint64_t generation, uint32_t ingress) {
  return uint64_t{ingress + 1} << 40 | state_word(generation, StreamState::kOpening);
}
constexpr StreamState stream_state(uint64_t word) { return static_cast<StreamState>(word & 0xFF); }
constexpr uint64_t state_generation(uint64_t word) { return (word >> 8) & 0xFFFFFFFFULL; }
constexpr uint32_t state_opener(uint64_t word) { return static_cast<uint32_t>(word >> 40) - 1; }

}  // namespace ur
