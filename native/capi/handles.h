// What the opaque types of upload_response.h are. Threads: see there.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

#include "attachment.h"
#include "core/lane_reader.h"
#include "core/lane_writer.h"
#include "head_box.h"
#include "upload_response.h"

struct ur_worker {
  std::shared_ptr<const ur::capi::Options> options;
  std::shared_ptr<ur::capi::Descriptors> descriptors;
  std::mutex attaching;  // one attach or detach at a time
  mutable std::mutex mutex;  // everything below
  std::shared_ptr<ur::capi::Attachment> attachment;
  uint32_t capacity = 0;

  std::shared_ptr<ur::capi::Attachment> current() const {
    const std::lock_guard<std::mutex> guard(mutex);
    return attachment;
  }
};

struct ur_reader {
  std::shared_ptr<ur::capi::Attachment> attachment;
  ur_exchange* exchange = nullptr;
  ur::LaneReader lane;
  const ur_head* head = nullptr;
  ur::capi::HeadBox head_box, trailers;
  uint64_t given = 0;  // the newest id that ur_reader_next has shown
  uint64_t acknowledged = 0;
  bool ended = false;
  std::mutex pinning;
  std::vector<uint64_t> pins;  // under `pinning`

  // The calls of upload_response.h.
  int next(int timeout_ms, ur_slot* slot);
  int advance(uint64_t id, int timeout_ms, ur_slot* slot);
  int ack(uint64_t id);
  int pin(uint64_t id);
  int unpin(uint64_t id);
  // Gives everything back.
  void close();

 private:
  // 1: *slot is the next one; 0: the end; kEmpty, or an error.
  int step(ur_slot* slot);
  int take(const ur::SlotView& view, ur_slot* slot);
  ur::Status read_fields(uint64_t id, ur::capi::HeadBox* into);
  // Acknowledges what stands behind the last slot that was shown, and was not.
  ur::Status skip();
};

struct ur_writer {
  std::shared_ptr<ur::capi::Attachment> attachment;
  ur_exchange* exchange = nullptr;
  ur::LaneWriter lane;
  bool response = false;
  bool head_request = false;  // the request's method is HEAD
  uint32_t http_version = 1;
  int answered = 0;  // the status of the head that was written
  bool reserved = false;
  bool ended = false;
  bool trailers_written = false;
  std::atomic<bool> closed{false};  // the claim is given back

  bool bodyless() const {
    return response &&
           (head_request || answered == 204 || answered == 205 || answered == 304);
  }
  // kOk, kLaneEnded, kInvalidArgument, kDetached, kServerGone.
  ur::Status ready(const ur::capi::Call& call) const;
  int respond(int wanted, const ur_header* headers, size_t count);
  int64_t write(const uint8_t* data, size_t length, int timeout_ms, bool flush);
  int reserve(int timeout_ms, void** data, size_t* capacity);
  int commit(size_t length);
  int write_trailers(const ur_header* trailers, size_t count, int timeout_ms);
  int end(int timeout_ms);
  int fail(ur::Status error);
  // Fails what has not ended.
  void close(ur::Status reason);

 private:
  // Repeats `operation` until it is not kFull or kPinned.
  template <typename Operation>
  ur::Status until_room(const ur::capi::Deadline& deadline, Operation operation);
};

struct ur_exchange {
  std::shared_ptr<ur::capi::Attachment> attachment;
  uint64_t id = 0;
  ur::capi::HeadBox head;
  char transport[16] = {};
  std::string pool;
  bool holds_verdict = false;
  std::atomic<bool> decided{false};
  uint32_t waited_rings = 0;  // of ur_exchange_wait
  std::unique_ptr<ur_reader> request;
  std::atomic<ur_writer*> response{nullptr};
  std::mutex mutex;  // the lists
  std::vector<std::unique_ptr<ur_reader>> readers;  // beside the request's
  std::vector<std::unique_ptr<ur_writer>> writers;  // the response's, too

  // Why the work is in vain, or kOk. Inside of a Call.
  ur::Status why() const;
  int verdict(bool pass, int status, const char* reason);
  int open_reader(uint32_t lane, int64_t from, ur_reader** out);
  int open_writer(uint32_t lane, ur_writer** out);
  // Takes one out of its list; nullptr when it is in none.
  std::unique_ptr<ur_reader> give_up(ur_reader* reader);
  std::unique_ptr<ur_writer> give_up(ur_writer* writer);
  void close();
};

namespace ur::capi {

// Takes the stream as the worker's role says. kTaken and *out, kRefused, or kLost. Inside of a Call.
[[nodiscard]] Places::Outcome take_stream(const std::shared_ptr<Attachment>& attachment,
                                          uint64_t id, std::unique_ptr<ur_exchange>* out);

}  // namespace ur::capi
