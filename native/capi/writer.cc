#include "core/claim.h"
#include "entry.h"
#include "handles.h"

using ur::Status;
using ur::capi::Call;
using ur::capi::code;
using ur::capi::Deadline;

namespace {

bool is_full(Status status) { return status == Status::kFull || status == Status::kPinned; }

Status wrong(const char* detail) {
  ur::capi::set_detail(detail);
  return Status::kInvalidArgument;
}

}  // namespace

Status ur_writer::ready(const Call& call) const {
  const Status status = call.status();
  if (status != Status::kOk) return status;
  if (ended || closed) return Status::kLaneEnded;
  if (response && answered == 0) return wrong("a response begins with ur_exchange_respond");
  return Status::kOk;
}

template <typename Operation>
Status ur_writer::until_room(const Deadline& deadline, Operation operation) {
  for (;;) {
    Status status = operation();
    if (!is_full(status)) return status;
    const uint32_t ticket = attachment->bell().ticket(lane.lane().stream);
    status = lane.park();
    if (status == Status::kOk) continue;
    if (status != Status::kFull) return status;
    if (!attachment->bell().wait(lane.lane().stream, ticket, deadline)) return Status::kFull;
    if (attachment->bell().stopped()) return Status::kDetached;
    if (attachment->lost()) return Status::kServerGone;
  }
}

int ur_writer::respond(int wanted, const ur_header* headers, size_t count) {
  const Call call(attachment.get());
  if (call.status() != Status::kOk) return code(call.status());
  if (answered != 0 || ended || closed) return code(Status::kLaneEnded);
  if (wanted < 200 || wanted > 599) return code(wrong("a final status is between 200 and 599"));
  std::vector<uint8_t> frame;
  Status result = ur::capi::encode_head(exchange->id, http_version, wanted, headers, count,
                              lane.lane().slot_size, &frame);
  if (result == Status::kOk) {
    // A slot that somebody has pinned in an earlier attempt may be in the way.
    result = until_room(Deadline(-1), [&] {
      return lane.write(frame.data(), static_cast<uint32_t>(frame.size()), ur::kSlotHead);
    });
  }
  if (result == Status::kOk) answered = wanted;
  return code(result);
}

int64_t ur_writer::write(const uint8_t* data, size_t length, int timeout_ms, bool flush) {
  const Deadline deadline(timeout_ms);
  const Call call(attachment.get());
  Status result = ready(call);
  if (result == Status::kOk && reserved) result = wrong("a slot is reserved: commit it first");
  if (result != Status::kOk) return code(result);
  if (bodyless()) return static_cast<int64_t>(length);
  size_t taken = 0;
  if (length > 0) {
    result = until_room(deadline, [&] {
      uint64_t part = 0;
      const Status status = lane.append(data + taken, length - taken, &part);
      taken += part;
      return status == Status::kOk && taken < length ? Status::kFull : status;
    });
  }
  if (result == Status::kOk || result == Status::kFull) {
    // Whoever waits here must not keep from the reader what it waits for.
    const Status flushed = flush || result == Status::kFull ? lane.flush() : Status::kOk;
    if (flushed != Status::kOk) return code(flushed);
    if (result == Status::kOk || taken > 0) return static_cast<int64_t>(taken);
  }
  return code(result);
}

int ur_writer::reserve(int timeout_ms, void** data, size_t* capacity) {
  const Deadline deadline(timeout_ms);
  const Call call(attachment.get());
  Status result = ready(call);
  uint8_t* slot = nullptr;
  if (result == Status::kOk) {
    result = until_room(deadline, [&] { return lane.reserve(&slot); });
  }
  if (result != Status::kOk) return code(result);
  reserved = true;
  *data = slot;
  *capacity = lane.lane().slot_size;
  return 0;
}

int ur_writer::commit(size_t length) {
  const Call call(attachment.get());
  const Status result = ready(call);
  if (result != Status::kOk) return code(result);
  if (!reserved) return code(wrong("commit without a reserved slot"));
  if (length > lane.lane().slot_size) return code(Status::kSlotTooLarge);
  reserved = false;
  // Without bytes there is nothing to publish; the next write fills the same slot.
  if (length == 0 || bodyless()) return 0;
  return code(lane.commit(static_cast<uint32_t>(length), ur::kSlotBody));
}

int ur_writer::write_trailers(const ur_header* trailers, size_t count, int timeout_ms) {
  const Deadline deadline(timeout_ms);
  const Call call(attachment.get());
  Status result = ready(call);
  if (result == Status::kOk && reserved) result = wrong("a slot is reserved: commit it first");
  if (result == Status::kOk && trailers_written) result = wrong("trailers are written once");
  if (result != Status::kOk) return code(result);
  if (bodyless() || count == 0) return 0;
  std::vector<uint8_t> frame;
  result = ur::capi::encode_head(exchange->id, http_version, response ? answered : 200, trailers, count,
                       lane.lane().slot_size, &frame);
  if (result == Status::kOk) {
    result = until_room(deadline, [&] {
      return lane.write(frame.data(), static_cast<uint32_t>(frame.size()), ur::kSlotTrailers);
    });
  }
  trailers_written = result == Status::kOk;
  return code(result);
}

int ur_writer::end(int timeout_ms) {
  const Deadline deadline(timeout_ms);
  const Call call(attachment.get());
  Status result = ready(call);
  if (result == Status::kOk) result = until_room(deadline, [&] { return lane.end(); });
  if (result != Status::kOk) return code(result);
  ended = true;
  reserved = false;
  closed = true;
  // The lane is complete; that the stream was closed meanwhile changes nothing.
  const Status released = lane.release();
  (void)released;
  return 0;
}

int ur_writer::fail(Status error) {
  const Call call(attachment.get());
  if (!call.attached()) return code(Status::kDetached);
  if (ended || closed) return code(Status::kLaneEnded);
  closed = true;
  reserved = false;
  const Status failed = lane.fail(error);
  const Status released = lane.release();
  return code(failed == Status::kOk ? released : failed);
}

void ur_writer::close(Status reason) {
  if (closed) return;
  const int result = fail(reason);
  (void)result;
}

extern "C" {

int64_t ur_writer_write(ur_writer* writer, const void* data, size_t length, int timeout_ms) {
  return ur::capi::entry<int64_t>([&]() -> int64_t {
    if (writer == nullptr || (data == nullptr && length > 0)) return code(Status::kInvalidArgument);
    return writer->write(static_cast<const uint8_t*>(data), length, timeout_ms, true);
  });
}

int64_t ur_writer_append(ur_writer* writer, const void* data, size_t length, int timeout_ms) {
  return ur::capi::entry<int64_t>([&]() -> int64_t {
    if (writer == nullptr || (data == nullptr && length > 0)) return code(Status::kInvalidArgument);
    return writer->write(static_cast<const uint8_t*>(data), length, timeout_ms, false);
  });
}

int ur_writer_flush(ur_writer* writer) {
  return ur::capi::entry([&] {
    if (writer == nullptr) return code(Status::kInvalidArgument);
    const Call call(writer->attachment.get());
    const Status status = writer->ready(call);
    return code(status == Status::kOk ? writer->lane.flush() : status);
  });
}

int ur_writer_reserve(ur_writer* writer, int timeout_ms, void** data, size_t* capacity) {
  return ur::capi::entry([&] {
    if (writer == nullptr || data == nullptr || capacity == nullptr) {
      return code(Status::kInvalidArgument);
    }
    return writer->reserve(timeout_ms, data, capacity);
  });
}

int ur_writer_commit(ur_writer* writer, size_t length) {
  return ur::capi::entry([&] {
    return writer == nullptr ? code(Status::kInvalidArgument) : writer->commit(length);
  });
}

int ur_writer_trailers(ur_writer* writer, const ur_header* trailers, size_t count,
                       int timeout_ms) {
  return ur::capi::entry([&] {
    if (writer == nullptr) return code(Status::kInvalidArgument);
    return writer->write_trailers(trailers, count, timeout_ms);
  });
}

int ur_writer_end(ur_writer* writer, int timeout_ms) {
  return ur::capi::entry([&] {
    return writer == nullptr ? code(Status::kInvalidArgument) : writer->end(timeout_ms);
  });
}

int ur_writer_fail(ur_writer* writer, int error) {
  return ur::capi::entry([&] {
    // A number of the table, since it is stored where another process reads it.
    if (writer == nullptr || error >= 0 || error < -1000 ||
        (ur::status_of_number(static_cast<uint32_t>(-error)) == Status::kSegmentCorrupt &&
         error != code(Status::kSegmentCorrupt))) {
      return code(Status::kInvalidArgument);
    }
    return writer->fail(static_cast<Status>(error));
  });
}

size_t ur_writer_slot_size(const ur_writer* writer) {
  return writer == nullptr ? 0 : writer->lane.lane().slot_size;
}

uint64_t ur_writer_token(const ur_writer* writer) {
  return writer == nullptr ? 0 : writer->lane.token();
}

void ur_writer_close(ur_writer* writer) {
  if (writer == nullptr) return;
  ur::capi::ending([&] {
    // The response's goes with the exchange.
    const std::unique_ptr<ur_writer> owned =
        writer->response ? nullptr : writer->exchange->give_up(writer);
    if (owned != nullptr) owned->close(Status::kWorkerFailed);
  });
}

}  // extern "C"
