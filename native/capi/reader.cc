#include <algorithm>

#include "entry.h"
#include "handles.h"

using ur::Status;
using ur::capi::Call;
using ur::capi::code;

int ur_reader::next(int timeout_ms, ur_slot* slot) {
  const ur::capi::Deadline deadline(timeout_ms);
  const Call call(attachment.get());
  for (;;) {
    Status status = call.status();
    if (status != Status::kOk) return code(status);
    const int found = step(slot);
    if (found != code(Status::kEmpty)) return found;
    const uint32_t ticket = attachment->bell().ticket(lane.lane().stream);
    status = lane.park();
    if (status == Status::kOk) continue;
    if (status != Status::kEmpty) return code(status);
    if (!attachment->bell().wait(lane.lane().stream, ticket, deadline)) {
      return code(Status::kEmpty);
    }
  }
}

int ur_reader::step(ur_slot* slot) {
  while (!ended) {
    ur::SlotView view;
    uint32_t count = 0;
    const Status status = lane.tail(&view, 1, &count);
    if (status != Status::kOk) return code(status);
    if (count == 0) return code(Status::kEmpty);
    const int result = take(view, slot);
    if (result != code(Status::kEmpty)) return result;
  }
  return 0;
}

// As step(); kEmpty: that slot is not for the caller.
int ur_reader::take(const ur::SlotView& view, ur_slot* slot) {
  const ur::LaneRef& at = lane.lane();
  Status status = Status::kOk;
  switch (view.flags) {
    case ur::kSlotBody:
      if (view.length == 0) return code(Status::kSegmentCorrupt);
      if (attachment->options().verify) status = lane.verify(view.id);
      if (status != Status::kOk) return code(status);
      *slot = {view.id, view.data, view.length,
               at.header(view.id).timestamp_ns.load(std::memory_order_relaxed)};
      given = view.id;
      return 1;
    case ur::kSlotHead:
      if (view.id != 1) return code(Status::kSegmentCorrupt);
      if (head == nullptr) {
        status = read_fields(view.id, &head_box);
        head = head_box.head();
      }
      break;
    case ur::kSlotTrailers:
      status = read_fields(view.id, &trailers);
      break;
    case ur::kSlotControl:
      break;
    case ur::kSlotEnd:
      break;
    default:
      return code(Status::kSegmentCorrupt);
  }
  if (status == Status::kOk) status = skip();
  if (status != Status::kOk) return code(status);
  ended = view.flags == ur::kSlotEnd;
  return ended ? 0 : code(Status::kEmpty);
}

Status ur_reader::read_fields(uint64_t id, ur::capi::HeadBox* into) {
  std::vector<uint8_t> frame;
  uint32_t flags = 0;
  const Status status = ur::capi::copy_frame(lane.lane(), id, &frame, &flags);
  if (status != Status::kOk) return status;
  const bool request = lane.lane().lane == ur::kRequestLane;
  return into->decode(frame, request ? ur::hpks::Kind::kRequest : ur::hpks::Kind::kResponse);
}

Status ur_reader::skip() {
  return acknowledged == given ? lane.ack(lane.position()) : Status::kOk;
}

int ur_reader::ack(uint64_t id) {
  const Call call(attachment.get());
  if (!call.attached()) return code(Status::kDetached);
  if (id > given) return code(Status::kInvalidArgument);
  acknowledged = std::max(acknowledged, id);
  // What was skipped behind the last slot goes with it.
  return code(lane.ack(id == given ? lane.position() : id));
}

int ur_reader::advance(uint64_t id, int timeout_ms, ur_slot* slot) {
  const int result = id == 0 ? 0 : ack(id);
  return result < 0 ? result : next(timeout_ms, slot);
}

int ur_reader::pin(uint64_t id) {
  const Call call(attachment.get());
  if (!call.attached()) return code(Status::kDetached);
  const std::lock_guard<std::mutex> guard(pinning);
  // Room first: a pin that nobody knows of would never go.
  if (pins.size() == pins.capacity()) pins.reserve(2 * pins.size() + 8);
  const Status status = lane.pin(id);
  if (status == Status::kOk) pins.push_back(id);
  return code(status);
}

int ur_reader::unpin(uint64_t id) {
  const Call call(attachment.get());
  const std::lock_guard<std::mutex> guard(pinning);
  const auto found = std::find(pins.begin(), pins.end(), id);
  if (found == pins.end()) return code(Status::kInvalidArgument);
  *found = pins.back();
  pins.pop_back();
  if (call.attached()) lane.unpin(id);
  return 0;
}

void ur_reader::close() {
  const Call call(attachment.get());
  const std::lock_guard<std::mutex> guard(pinning);
  if (call.attached()) {
    for (const uint64_t id : pins) lane.unpin(id);
    lane.leave();
  }
  pins.clear();
}

extern "C" {

int ur_reader_next(ur_reader* reader, int timeout_ms, ur_slot* slot) {
  return ur::capi::entry([&] {
    if (reader == nullptr || slot == nullptr) return code(Status::kInvalidArgument);
    return reader->next(timeout_ms, slot);
  });
}

int ur_reader_advance(ur_reader* reader, uint64_t id, int timeout_ms, ur_slot* slot) {
  return ur::capi::entry([&] {
    if (reader == nullptr || slot == nullptr) return code(Status::kInvalidArgument);
    return reader->advance(id, timeout_ms, slot);
  });
}

int ur_reader_ack(ur_reader* reader, uint64_t id) {
  return ur::capi::entry(
      [&] { return reader == nullptr ? code(Status::kInvalidArgument) : reader->ack(id); });
}

int ur_reader_pin(ur_reader* reader, uint64_t id) {
  return ur::capi::entry(
      [&] { return reader == nullptr ? code(Status::kInvalidArgument) : reader->pin(id); });
}

int ur_reader_unpin(ur_reader* reader, uint64_t id) {
  return ur::capi::entry(
      [&] { return reader == nullptr ? code(Status::kInvalidArgument) : reader->unpin(id); });
}

uint64_t ur_reader_gap(const ur_reader* reader) {
  return reader == nullptr ? 0 : reader->lane.gap();
}

uint64_t ur_reader_newest(ur_reader* reader) {
  if (reader == nullptr) return 0;
  const Call call(reader->attachment.get());
  return call.attached() ? reader->lane.last() : reader->lane.position();
}

const ur_head* ur_reader_head(const ur_reader* reader) {
  return reader == nullptr ? nullptr : reader->head;
}

size_t ur_reader_trailers(const ur_reader* reader, const ur_header** trailers) {
  const bool known = reader != nullptr && reader->ended;
  const ur_head* head = known ? reader->trailers.head() : nullptr;
  *trailers = head == nullptr ? nullptr : head->headers;
  return head == nullptr ? 0 : head->header_count;
}

void ur_reader_close(ur_reader* reader) {
  if (reader == nullptr) return;
  ur::capi::ending([&] {
    // The request's own goes with the exchange.
    const std::unique_ptr<ur_reader> owned = reader->exchange->give_up(reader);
    if (owned != nullptr) owned->close();
  });
}

}  // extern "C"
