#include "test/support/server_side.h"

#include <algorithm>
#include <cstring>

#include "core/claim.h"
#include "core/doorbell.h"
#include "core/hash.h"
#include "core/recovery.h"
#include "core/verdict.h"

namespace ur::test {
namespace {

void any(Status) {}

const uint8_t kBytes[4096] = {1, 2, 3};

}  // namespace

ServerSide::ServerSide(Segment* segment) : segment_(segment), ingress_(segment) {}

void ServerSide::act(uint32_t operation, uint32_t argument) {
  operation %= kOperations;
  if (operation == 0 || streams_.empty()) return open(argument % 3);
  const uint32_t index = argument % static_cast<uint32_t>(streams_.size());
  Open& stream = streams_[index];
  const uint32_t row = argument % (segment_->geometry().worker_count + 1);
  switch (operation) {
    case 1:
      return ingress_.announce(stream.id);
    case 2:
      return ingress_.announce_all(stream.id);
    case 3:
    case 4:
    case 5:
      return write(stream, argument);
    case 6:
    case 7:
    case 8:
      return read(stream, argument);
    case 9:
      return any(stream.writer.park());
    case 10:
      return any(stream.answer.park());
    case 11:
      return look(stream, argument);
    case 12:
      ingress_.evict(argument % 2 == 0 ? stream.request : stream.response, row);
      return;
    case 13:
      if (argument % 16 != 0) return;
      return any(ingress_.abort(stream.id, Status::kClientGone));
    case 14: {
      uint32_t signals[8];
      take_signals(*segment_, 0, signals, 8);
      list_streams(*segment_, argument % 2 == 0);
      return;
    }
    case 15:
      if (argument % 32 != 0) return;
      if (row > 0 && segment_->has_worker(row)) recover_worker(*segment_, row);
      return;
    case 16:
      stream.answer.leave();
      any(requeue_lane(segment_, stream.response));
      return any(stream.answer.join(segment_, stream.response, 0));
    case 17:
      stream.hold.leave();
      if (argument % 2 == 0) any(stream.hold.join(segment_, stream.request, 0));
      return;
    case 18:
    case 19:
      return answer(stream, argument);
    default:
      return close(index);
  }
}

// As the worker that would answer, so that there is something to read.
void ServerSide::answer(Open& stream, uint32_t argument) {
  uint64_t token = stream.response.control->claim.load();
  LaneWriter writer;
  if ((token & 0xFF) == 0) any(claim_lane(segment_, stream.response, &token));
  if (writer.open(segment_, stream.response, token) != Status::kOk) return;
  for (uint32_t i = 0; i < argument % 6; i++) {
    if (writer.write(kBytes, 1 + argument % 1000, kSlotBody) == Status::kOk) slots_++;
  }
}

void ServerSide::open(uint32_t pool) {
  Open stream;
  if (ingress_.open(pool, "hostile", &stream.id) != Status::kOk) {
    if (!streams_.empty()) close(0);
    return;
  }
  if (segment_->lane(stream.id, kRequestLane, &stream.request) != Status::kOk ||
      segment_->lane(stream.id, kResponseLane, &stream.response) != Status::kOk) {
    return;
  }
  any(stream.writer.open(segment_, stream.request, 0));
  any(stream.hold.join(segment_, stream.request, 0));
  any(stream.answer.join(segment_, stream.response, 0));
  streams_.push_back(stream);
}

void ServerSide::write(Open& stream, uint32_t argument) {
  uint64_t taken = 0;
  uint8_t* slot = nullptr;
  const uint32_t length = argument % 1200;
  switch (argument / 1200 % 5) {
    case 0:
      return any(stream.writer.append(kBytes, length * 3, &taken));
    case 1:
      return any(stream.writer.flush());
    case 2:
      return any(stream.writer.write(kBytes, length, kSlotBody));
    case 3:
      if (stream.writer.reserve(&slot) != Status::kOk) return;
      std::memset(slot, 7, std::min(length, stream.request.slot_size));
      return any(stream.writer.commit(length, kSlotBody));
    default:
      return any(argument % 16 == 0 ? stream.writer.end() : Status::kOk);
  }
}

void ServerSide::read(Open& stream, uint32_t argument) {
  SlotView views[8];
  uint32_t count = 0;
  any(stream.answer.tail(views, 1 + argument % 8, &count));
  slots_ += count;
  for (uint32_t i = 0; i < count; i++) {
    const SlotView& view = views[i];
    const uint8_t* const slot = stream.response.slot_data(view.id);
    if (view.data != slot || view.length > stream.response.slot_size ||
        view.offset + view.length > segment_->size()) {
      wrong_view_ = true;
      return;
    }
    xxh3_64(view.data, view.length);  // as a socket would, to the last byte
    any(stream.answer.verify(view.id));
  }
  if (argument % 3 != 0) any(stream.answer.ack(stream.answer.position()));
}

void ServerSide::look(Open& stream, uint32_t argument) {
  claim_owner(stream.response);
  is_whole(stream.request);
  stream.writer.blockers();
  any(stream_status(stream.request));
  any(status_of_number(stream.response.control->failure.load()));
  for (uint32_t i = 0; i < segment_->geometry().observers.size(); i++) {
    read_verdict(*segment_, stream.request.stream, i);
  }
  uint8_t into[4096];
  uint32_t length = 0;
  uint32_t flags = 0;
  any(copy_slot(stream.response, argument, into, 1024 + argument % 3072, &length, &flags));
  any(stream.answer.pin(argument % 16));
  stream.answer.unpin(argument % 16);
}

void ServerSide::close(uint32_t index) {
  Open& stream = streams_[index];
  stream.hold.leave();
  stream.answer.leave();
  any(stream.writer.release());
  any(ingress_.close(stream.id));
  any(ingress_.reclaim(stream.id));
  streams_.erase(streams_.begin() + index);
}

}  // namespace ur::test
