// upload_response.h: workers in C, C++, and whatever can call C. A worker maps the server's shared
// memory, reads requests out of it while they arrive, and writes the answers into it. A guide from the
// first worker to failures is docs/c-sdk.md; the memory itself is described in docs/segment-format.md.
//
// Results. A function that can fail returns an int: 0 or more is success, less is one of the errors
// below. UR_EMPTY (nothing to read yet) and UR_FULL (no room to write yet) are no failures: they say
// that what was waited for has not come in the given time.
//
// Times. `timeout_ms`: milliseconds; 0 does not wait, -1 waits for as long as it takes. A wait ends
// early with the reason when the stream is aborted, the server goes, or the worker is detached.
//
// Threads. "Any thread" may be called by several threads at once. A reader, a writer and an exchange
// each belong to one thread at a time, but different ones may be used by different threads at once,
// also those of one exchange. Nothing may be used while, or after, it is being closed or freed. After
// fork() the child must not touch any of it. A thread must not be cancelled inside of a call.
//
// Memory. What a `const` pointer shows belongs to the library. A request's bytes are mapped read-only:
// writing into them is a SIGSEGV. Structs that begin with `size` may grow at their end in a later
// version of the library: the caller stores sizeof there. The others never change.
#ifndef UPLOAD_RESPONSE_H
#define UPLOAD_RESPONSE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "errors.gen.h"

#if defined(__GNUC__)
#define UR_API __attribute__((visibility("default")))
#else
#define UR_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

// The version of this interface, and the SONAME's: it changes when a program has to be compiled again.
#define UR_ABI_VERSION 1

// ---- About the library and its errors. Any thread. ----

UR_API int ur_abi_version(void);
UR_API const char* ur_version(void);  // of the package, "1.2.3"
// The path that a worker uses when none is given: UR_SOCKET, else default.sock in
// $XDG_RUNTIME_DIR/upload-response, else in upload-response-<uid> of the folder for temporary files.
// Returns the length without the zero byte; at most `capacity` bytes are written, zero byte included.
UR_API size_t ur_default_socket(char* path, size_t capacity);

// What happened; the stable name, "FULL"; what can be done. Never NULL; 0 is "ok", "OK" and "".
UR_API const char* ur_strerror(int error);
UR_API const char* ur_error_name(int error);
UR_API const char* ur_error_remedy(int error);
// More about the error that a call of this thread returned last, or "". Valid until this thread's next
// call. Never holds anything of a request.
UR_API const char* ur_error_detail(void);

// ---- Heads ----

// Strings end with a zero byte, which no valid field holds, and are bytes in no particular encoding.
// As an argument: a length of 0 with a string that is not NULL stands for its strlen.
typedef struct ur_header {
  const char* name;
  const char* value;
  size_t name_length;
  size_t value_length;
} ur_header;

typedef struct ur_head {
  const char* method;        // of a request, otherwise ""
  const char* scheme;        // "" where the client gave none, like the next one
  const char* authority;
  const char* path;          // path and query
  uint32_t http_version;     // 1 HTTP/1.1, 2 HTTP/2, 3 HTTP/3
  uint32_t status;           // of a response, otherwise 0
  size_t header_count;
  const ur_header* headers;  // in order, duplicates kept, names in the case that they came in
} ur_head;

// The value of the first header of this name, compared without case; NULL without one. Any thread.
UR_API const char* ur_head_value(const ur_head* head, const char* name);

// ---- Workers ----

typedef struct ur_worker ur_worker;
typedef struct ur_exchange ur_exchange;
typedef struct ur_reader ur_reader;
typedef struct ur_writer ur_writer;

// What a worker takes.
#define UR_ROLE_RESPONDER 2u  // streams that nobody has claimed; it claims each that it takes
#define UR_ROLE_OBSERVER 4u   // every stream, to read beside the one that answers
// Both: takes as an observer, and may claim what it has taken with ur_exchange_open_writer.

#define UR_WORKER_VERIFY 1u  // flag: every slot is compared with its XXH3-64 before it is given out

// Flags: where requests begin for this worker; otherwise with their first slot, and a stream whose first
// slots have gone is left out. Both are for live streams, which have no end. Not for a required observer.
#define UR_WORKER_FROM_KEYFRAME 2u  // the newest keyframe that is there, or the next one
#define UR_WORKER_FROM_NEWEST 4u    // what comes next

// Zero, or NULL, is the default of each. Nothing is kept of the pointers but `context`.
typedef struct ur_worker_options {
  size_t size;               // sizeof(ur_worker_options)
  const char* socket;        // path of the control socket; default: ur_default_socket
  const char* name;          // for people; default: UR_WORKER_NAME, else "worker-<pid>"
  uint32_t role;             // default: UR_ROLE_RESPONDER
  uint32_t capacity;         // streams at once; default: 16, of an observer 65536
  const char* observer;      // the required observer that it is, one of segment.requiredObservers
  uint32_t flags;            // UR_WORKER_...
  uint32_t reserved;         // 0
  // Which streams are taken; others are left to other workers.
  const char* transport;     // only of this transport, "http1"
  const char* stage;         // only of pools that have this stage
  const char* const* paths;  // only these paths: /a means /a, /a?q and /a/b; /a/ what lies below
  size_t path_count;
  // Called with the head of a stream that all of the above lets pass; 0 leaves it to others. Runs for
  // every new stream in ur_worker_next, so it must be quick; it must not call the worker.
  int (*accept)(const ur_head* head, void* context);
  void* context;
} ur_worker_options;

static inline void ur_worker_options_init(ur_worker_options* options) {
  memset(options, 0, sizeof *options);
  options->size = sizeof *options;
}

typedef struct ur_worker_info {
  size_t size;             // sizeof(ur_worker_info)
  uint32_t index;          // row in the segment, as `upload-response top` shows it; UINT32_MAX: none
  uint32_t capacity;
  uint32_t in_flight;      // open exchanges
  uint32_t connected;      // 1 while attached and the server is there
  uint64_t missed;         // streams that an observer left out because their first slots had gone
  uint64_t segment_bytes;
  uint8_t boot_uuid[16];   // another one for each start of the server
} ur_worker_info;

// Makes a worker that is not attached yet. UR_INVALID_ARGUMENT, UR_INVALID_SOCKET_PATH, UR_SYSTEM.
UR_API int ur_worker_new(const ur_worker_options* options, ur_worker** worker);

// Attaches to the server, or attaches again after UR_SERVER_GONE: what was open is detached first. Waits
// for a server, or for a free place, for timeout_ms (and up to 5 s for the answer of one that does not
// speak). UR_SERVER_GONE, UR_NO_FREE_WORKER, UR_TIMED_OUT; at once:
// UR_PERMISSION_DENIED, UR_ABI_MISMATCH, UR_UNKNOWN_OBSERVER, UR_INVALID_HANDSHAKE, UR_SEGMENT_CORRUPT,
// UR_SHUTTING_DOWN after ur_worker_stop. Any thread, but one at a time.
UR_API int ur_worker_attach(ur_worker* worker, int timeout_ms);

// Gives everything back at once and unmaps the memory: slots' pointers must not be used any more, and
// every open handle answers UR_DETACHED and is still to be closed. For the server that is as if the
// process had died: it hands open requests to other workers where it can. Waits for calls of other
// threads, whose waits end (that of ur_worker_attach by ur_worker_stop). Idempotent. Any thread, but not
// from `accept`.
UR_API void ur_worker_detach(ur_worker* worker);

// Detaches and frees; NULL is allowed. Exchanges may be closed before or after. One thread.
UR_API void ur_worker_free(ur_worker* worker);

// Takes nothing new: ur_worker_next and ur_worker_attach answer UR_SHUTTING_DOWN from now on, waiting or
// not. What is open goes on. Any thread; may be called in a signal handler.
UR_API void ur_worker_stop(ur_worker* worker);

// Takes a stream. UR_EMPTY when none came in time; it also waits while `capacity` exchanges are open.
// UR_SERVER_GONE: attach again. UR_SHUTTING_DOWN, UR_DETACHED, UR_OUT_OF_MEMORY. The worker is offered
// streams only while somebody asks: after UR_EMPTY with timeout 0 until the next call. Any thread.
UR_API int ur_worker_next(ur_worker* worker, int timeout_ms, ur_exchange** exchange);

// A descriptor for poll, epoll or an event loop, which nobody else may read or close; the same one until
// the worker is freed and its exchanges are closed. It becomes readable when there may be a stream to
// take, when a handle that answered UR_EMPTY or UR_FULL may go on, and when the server has gone. Then:
// ur_worker_rung, ur_worker_next with timeout 0 until it is UR_EMPTY, and again what had to wait.
// UR_SYSTEM. Any thread.
UR_API int ur_worker_fd(ur_worker* worker);

// The ids of exchanges that something has happened to since the last call, at most `capacity`; returns
// how many, and makes the descriptor unreadable when that is all of them. Any thread.
UR_API int ur_worker_rung(ur_worker* worker, uint64_t* ids, int capacity);

// Heartbeats are sent by the library. The capacity can change at any time: 0 takes nothing more, what
// is open stays. UR_INVALID_ARGUMENT above 65536. Any thread.
UR_API int ur_worker_set_capacity(ur_worker* worker, uint32_t capacity);

// Fills as much of *info as info->size says. UR_INVALID_ARGUMENT. Any thread.
UR_API int ur_worker_info_get(ur_worker* worker, ur_worker_info* info);

// ---- Exchanges: one stream that this worker works on ----

// Valid until it is closed, in any thread.
UR_API uint64_t ur_exchange_id(const ur_exchange* exchange);  // unique within the segment
UR_API const ur_head* ur_exchange_head(const ur_exchange* exchange);
UR_API const char* ur_exchange_transport(const ur_exchange* exchange);  // "http1"
UR_API const char* ur_exchange_pool(const ur_exchange* exchange);
// The request's reader, which has joined before the first slot; of an observer, too.
UR_API ur_reader* ur_exchange_request(ur_exchange* exchange);
// The writer of the answer, whose claim this worker holds; NULL for an observer.
UR_API ur_writer* ur_exchange_response(ur_exchange* exchange);

// 0 while the work is of use; otherwise why it is in vain: UR_CLIENT_GONE, UR_RESPONSE_TIMEOUT,
// UR_VETOED, UR_EVICTED, UR_NOT_OWNER, UR_STALE_STREAM (it is over), UR_SERVER_GONE, ... Any thread.
UR_API int ur_exchange_status(ur_exchange* exchange);

// Waits until something happens to the stream: after UR_EMPTY or UR_FULL of several handles. UR_OK also
// for nothing, and at once for what happened since the last call; UR_EMPTY: the time is over.
UR_API int ur_exchange_wait(ur_exchange* exchange, int timeout_ms);

// Writes the head of the answer, which the client gets at once. Status 200 to 599. Copies what it is
// given; the headers that the transport needs itself come from the server. UR_INVALID_ARGUMENT,
// UR_LANE_ENDED (called twice), UR_SLOT_TOO_LARGE, UR_HPKS_... for a header that is not valid, or what
// became of the stream. Belongs to the thread of the response's writer.
UR_API int ur_exchange_respond(ur_exchange* exchange, int status, const ur_header* headers,
                               size_t header_count);

// The verdict of a required observer: lets the response pass; or refuses, the client gets `status` (400
// to 599) and `reason` (at most 112 bytes are kept) instead. Only the first one counts. UR_UNSUPPORTED
// for who is none, UR_INVALID_ARGUMENT, UR_NOT_OWNER, or what became of the stream.
UR_API int ur_exchange_accept(ur_exchange* exchange);
UR_API int ur_exchange_veto(ur_exchange* exchange, int status, const char* reason);

// Lanes of a stream: the request, the response, and the pool's stages.
#define UR_LANE_REQUEST 0
#define UR_LANE_RESPONSE 1
// The lane of a stage by its name. UR_UNKNOWN_STAGE. Any thread.
UR_API int ur_exchange_stage(const ur_exchange* exchange, const char* name);

// Registers one more reader of a lane. `from`: the id that counts as read; 0 is everything since the
// first slot, UR_FROM_NEWEST only what comes, UR_FROM_KEYFRAME what begins with the newest keyframe that
// is there, or the next one (everything in a lane that never had one). What has gone already is said by
// ur_reader_gap. UR_NO_FREE_READER, or what became of the stream. Any thread.
#define UR_FROM_NEWEST (-1)
#define UR_FROM_KEYFRAME (-2)
UR_API int ur_exchange_open_reader(ur_exchange* exchange, int lane, int64_t from, ur_reader** reader);

// Claims a stage, or as UR_ROLE_RESPONDER | UR_ROLE_OBSERVER the response. UR_ALREADY_CLAIMED: another
// one has, or had, it. UR_INVALID_ARGUMENT for a request lane. Any thread.
UR_API int ur_exchange_open_writer(ur_exchange* exchange, int lane, ur_writer** writer);

// Ends the work: closes every reader and writer of the exchange. An answer that was begun or claimed and
// not ended is a failure: the client gets a 502 or a reset; a required observer that gave no verdict has
// vetoed with 502. NULL is allowed. One thread, when no other uses a handle of the exchange.
UR_API void ur_exchange_close(ur_exchange* exchange);

// ---- Reading ----

typedef struct ur_slot {
  uint64_t id;            // counts the lane's slots from 1; there may be gaps between two bodies
  const uint8_t* data;    // in the shared memory, until it is acknowledged, or unpinned
  size_t length;
  uint64_t timestamp_ns;  // CLOCK_MONOTONIC, when it was published
} ur_slot;

// The next piece of the body. 1: here it is; 0: the end, everything before was whole. UR_EMPTY; UR_EVICTED
// (drop what was made of the last slots), UR_HASH_MISMATCH (with UR_WORKER_VERIFY), UR_SEGMENT_CORRUPT;
// of a stage what its writer gave up with (UR_WORKER_FAILED, UR_WORKER_DIED); what became of the stream.
UR_API int ur_reader_next(ur_reader* reader, int timeout_ms, ur_slot* slot);

// Slots up to this id, which ur_reader_next has given, may be overwritten. Who acknowledges nothing makes
// the client wait, and is evicted in the end. UR_EVICTED: what the slots showed since the last call may
// be wrong. UR_INVALID_ARGUMENT.
UR_API int ur_reader_ack(ur_reader* reader, uint64_t id);

// ur_reader_ack with `id`, unless it is 0, then ur_reader_next, in one call. It may be repeated as it is.
UR_API int ur_reader_advance(ur_reader* reader, uint64_t id, int timeout_ms, ur_slot* slot);

// Keeps a slot beyond its acknowledgement, until as many unpins, or the reader's close. Pin first, then
// acknowledge. UR_LAPPED: too late. ur_reader_unpin: UR_INVALID_ARGUMENT for a slot that is not pinned;
// any thread, also while the reader waits.
UR_API int ur_reader_pin(ur_reader* reader, uint64_t id);
UR_API int ur_reader_unpin(ur_reader* reader, uint64_t id);

// Slots that had gone when the reader joined.
UR_API uint64_t ur_reader_gap(const ur_reader* reader);
// The id of the newest slot in the lane; minus the slot's own: how far this reader is behind.
UR_API uint64_t ur_reader_newest(ur_reader* reader);
// The head that the lane began with, if it was read; NULL for a stage. Until the reader is closed.
UR_API const ur_head* ur_reader_head(const ur_reader* reader);
// Trailer fields; none before ur_reader_next has returned 0. Until the reader is closed.
UR_API size_t ur_reader_trailers(const ur_reader* reader, const ur_header** trailers);
// Gives the place back, and pins. For readers of ur_exchange_open_reader, before the exchange is closed.
UR_API void ur_reader_close(ur_reader* reader);

// ---- Access units: the body of a media stream, one frame after the other ----

typedef struct ur_access_units ur_access_units;

typedef struct ur_access_unit {
  uint32_t stream_type;  // as in MPEG-TS: 0x1b H.264, 0x24 H.265, 0x0f AAC
  uint32_t key;          // 1: a keyframe
  uint64_t id;           // counts the stream's units from 0
  int64_t dts, pts;      // when to decode and to show it, in milliseconds
  const uint8_t* data;   // video: Annex B; AAC: with ADTS headers
  size_t length;
  uint64_t slot;         // that `data` lies in, for ur_reader_pin; 0: `data` is a buffer of the library
  uint32_t track;        // of several ones which, 0 to 127, of video and of audio each; else 0
} ur_access_unit;

// Reads units from a reader that is at the start of one: from the lane's start, or from a keyframe. From
// now on the reader is read and acknowledged through this alone; pin and unpin stay the caller's. A unit
// longer than max_bytes is refused; 0: 16 MiB. UR_INVALID_ARGUMENT, UR_OUT_OF_MEMORY.
UR_API int ur_access_units_new(ur_reader* reader, size_t max_bytes, ur_access_units** units);

// The next unit. 1: here it is, valid until the next call, or while its slot is pinned; 0: the end.
// UR_EMPTY: the rest of it stays asked for. UR_ACCESS_UNIT_TRUNCATED: the stream ended inside of a unit;
// UR_ACCESS_UNIT_TOO_LARGE; both for good. Others as ur_reader_next and ur_reader_ack: with UR_EVICTED
// what the last units showed may be wrong. A unit that goes over the border of a slot is put together
// in a buffer of at most max_bytes. Belongs to the reader's thread.
UR_API int ur_access_units_next(ur_access_units* units, int timeout_ms, ur_access_unit* unit);

// Frees it, before or after the reader is closed. NULL is allowed.
UR_API void ur_access_units_free(ur_access_units* units);

// ---- Writing ----

// Copies bytes into the lane and publishes them. Returns how many it has taken, fewer than `length` when
// the time is over; UR_FULL for none. Otherwise UR_LANE_ENDED, UR_NOT_OWNER, UR_INVALID_ARGUMENT (no head
// yet; a slot is reserved), or what became of the stream. What is written to a response that has no body
// (HEAD, 204, 205, 304) is taken and dropped.
UR_API int64_t ur_writer_write(ur_writer* writer, const void* data, size_t length, int timeout_ms);
// The same without publishing the last slot that is not full: small writes then share a slot. It is
// published by ur_writer_flush, and by everything else that writes.
UR_API int64_t ur_writer_append(ur_writer* writer, const void* data, size_t length, int timeout_ms);
UR_API int ur_writer_flush(ur_writer* writer);

// Memory of the next slot, to be filled in place: *capacity bytes at *data. Nobody sees it before
// ur_writer_commit, and it must not be touched after that. UR_FULL; errors as ur_writer_write.
UR_API int ur_writer_reserve(ur_writer* writer, int timeout_ms, void** data, size_t* capacity);
// Publishes the first `length` bytes; 0 drops the reservation. UR_SLOT_TOO_LARGE, UR_INVALID_ARGUMENT.
UR_API int ur_writer_commit(ur_writer* writer, size_t length);

// Writes trailer fields, once, before the end. UR_FULL, UR_SLOT_TOO_LARGE, UR_HPKS_...
UR_API int ur_writer_trailers(ur_writer* writer, const ur_header* trailers, size_t count, int timeout_ms);
// Writes the end and gives the claim back: the lane is complete. UR_FULL: call it again. After the end
// of a response the stream closes, and its request cannot be read any more.
UR_API int ur_writer_end(ur_writer* writer, int timeout_ms);
// Gives up for good: a client gets a 502, or a reset when it has the head; readers of a stage get `error`,
// which must be one of the errors. UR_INVALID_ARGUMENT, UR_LANE_ENDED.
UR_API int ur_writer_fail(ur_writer* writer, int error);

// Bytes of one slot.
UR_API size_t ur_writer_slot_size(const ur_writer* writer);
// The claim: differs for every stream, attempt and worker. A writer that lost it gets UR_NOT_OWNER.
UR_API uint64_t ur_writer_token(const ur_writer* writer);
// Fails what has not ended. For writers of ur_exchange_open_writer, before the exchange is closed.
UR_API void ur_writer_close(ur_writer* writer);

#ifdef __cplusplus
}
#endif

#endif
