#include <algorithm>

#include "core/claim.h"
#include "core/verdict.h"
#include "entry.h"
#include "handles.h"

using ur::Status;
using ur::capi::Call;
using ur::capi::code;
using ur::capi::entry;

namespace {

bool reads(const ur::LaneRef& lane, uint32_t worker) {
  for (uint32_t r = 0; r < lane.reader_count; r++) {
    const uint64_t owner = lane.control->readers[r].owner.load(std::memory_order_acquire);
    if (ur::reader_state(owner) == ur::ReaderState::kActive &&
        owner >> 32 == lane.generation && ur::reader_worker(owner) == worker) {
      return true;
    }
  }
  return false;
}

template <typename Part>
std::unique_ptr<Part> take_out(std::vector<std::unique_ptr<Part>>* list, const Part* part) {
  const auto found = std::find_if(list->begin(), list->end(),
                                  [&](const auto& one) { return one.get() == part; });
  if (found == list->end()) return nullptr;
  std::unique_ptr<Part> owned = std::move(*found);
  list->erase(found);
  return owned;
}

}  // namespace

Status ur_exchange::why() const {
  const ur::LaneRef& lane = request->lane.lane();
  const Status stream = ur::stream_status(lane);
  if (stream == Status::kStaleStream) return stream;
  // First, because what the server does about an eviction comes as an abort.
  if (!reads(lane, attachment->segment()->self())) return Status::kEvicted;
  const ur_writer* writer = response.load(std::memory_order_acquire);
  if (writer != nullptr && !writer->closed) {
    const ur::LaneRef& answer = writer->lane.lane();
    if (answer.control->claim.load(std::memory_order_acquire) != writer->lane.token()) {
      return Status::kNotOwner;
    }
  }
  return stream;
}

int ur_exchange::verdict(bool pass, int status, const char* reason) {
  const Call call(attachment.get());
  if (!call.attached()) return code(Status::kDetached);
  if (!holds_verdict) return code(Status::kUnsupported);
  if (decided.exchange(true)) return 0;
  return code(ur::give_verdict(attachment->segment(), id, attachment->observer(), pass,
                               static_cast<uint32_t>(status), reason == nullptr ? "" : reason));
}

int ur_exchange::open_reader(uint32_t lane, int64_t from, ur_reader** out) {
  const Call call(attachment.get());
  Status status = call.status();
  ur::LaneRef at;
  if (status == Status::kOk) status = attachment->segment()->lane(id, lane, &at);
  if (status != Status::kOk) return code(status);
  auto reader = std::make_unique<ur_reader>();
  reader->attachment = attachment;
  reader->exchange = this;
  const std::lock_guard<std::mutex> guard(mutex);
  readers.reserve(readers.size() + 1);
  status = reader->lane.join(attachment->segment(), at, from);
  if (status != Status::kOk) return code(status);
  reader->given = reader->acknowledged = reader->lane.position();
  *out = reader.get();
  readers.push_back(std::move(reader));
  return 0;
}

int ur_exchange::open_writer(uint32_t lane, ur_writer** out) {
  const Call call(attachment.get());
  Status status = call.status();
  if (status == Status::kOk && lane == ur::kResponseLane && !attachment->options().claims()) {
    status = Status::kUnsupported;
  }
  ur::LaneRef at;
  if (status == Status::kOk) status = attachment->segment()->lane(id, lane, &at);
  if (status != Status::kOk) return code(status);
  auto writer = std::make_unique<ur_writer>();
  writer->attachment = attachment;
  writer->exchange = this;
  writer->response = lane == ur::kResponseLane;
  writer->http_version = head.head()->http_version;
  writer->head_request = std::string_view(head.head()->method) == "HEAD";
  const std::lock_guard<std::mutex> guard(mutex);
  writers.reserve(writers.size() + 1);
  uint64_t token = 0;
  status = ur::claim_lane(attachment->segment(), at, &token);
  if (status != Status::kOk) return code(status);
  status = writer->lane.open(attachment->segment(), at, token);
  if (status != Status::kOk) return code(status);
  *out = writer.get();
  if (writer->response) response.store(writer.get(), std::memory_order_release);
  writers.push_back(std::move(writer));
  return 0;
}

std::unique_ptr<ur_reader> ur_exchange::give_up(ur_reader* reader) {
  const std::lock_guard<std::mutex> guard(mutex);
  return take_out(&readers, reader);
}

std::unique_ptr<ur_writer> ur_exchange::give_up(ur_writer* writer) {
  const std::lock_guard<std::mutex> guard(mutex);
  return take_out(&writers, writer);
}

void ur_exchange::close() {
  const Call call(attachment.get());
  Status reason = call.status();
  if (reason == Status::kOk) reason = why();
  for (const auto& writer : writers) {
    writer->close(reason == Status::kOk ? Status::kWorkerFailed : reason);
  }
  for (const auto& reader : readers) reader->close();
  if (holds_verdict && !decided && call.attached()) {
    // Who cannot judge must not let pass.
    const int given = verdict(false, 502, "the observer gave no verdict");
    (void)given;
  }
  request->close();
  if (!call.attached()) return;
  attachment->bell().with_places([&](ur::capi::Places& places) { places.release(id); });
  attachment->bell().tell_askers();
}

extern "C" {

uint64_t ur_exchange_id(const ur_exchange* exchange) {
  return exchange == nullptr ? 0 : exchange->id;
}
const ur_head* ur_exchange_head(const ur_exchange* exchange) {
  return exchange == nullptr ? nullptr : exchange->head.head();
}
const char* ur_exchange_transport(const ur_exchange* exchange) {
  return exchange == nullptr ? "" : exchange->transport;
}
const char* ur_exchange_pool(const ur_exchange* exchange) {
  return exchange == nullptr ? "" : exchange->pool.c_str();
}
ur_reader* ur_exchange_request(ur_exchange* exchange) {
  return exchange == nullptr ? nullptr : exchange->request.get();
}
ur_writer* ur_exchange_response(ur_exchange* exchange) {
  return exchange == nullptr ? nullptr : exchange->response.load(std::memory_order_acquire);
}

int ur_exchange_status(ur_exchange* exchange) {
  return entry([&] {
    if (exchange == nullptr) return code(Status::kInvalidArgument);
    const Call call(exchange->attachment.get());
    const Status status = call.status();
    return code(status == Status::kOk ? exchange->why() : status);
  });
}

int ur_exchange_wait(ur_exchange* exchange, int timeout_ms) {
  return entry([&] {
    if (exchange == nullptr) return code(Status::kInvalidArgument);
    const ur::capi::Deadline deadline(timeout_ms);
    const Call call(exchange->attachment.get());
    if (call.status() != Status::kOk) return code(call.status());
    ur::capi::Bell& bell = exchange->attachment->bell();
    const uint32_t stream = ur::stream_index(exchange->id);
    if (!bell.wait(stream, exchange->waited_rings, deadline)) return code(Status::kEmpty);
    exchange->waited_rings = bell.ticket(stream);
    return code(call.status());
  });
}

int ur_exchange_respond(ur_exchange* exchange, int status, const ur_header* headers,
                        size_t header_count) {
  return entry([&] {
    ur_writer* writer = ur_exchange_response(exchange);
    if (writer == nullptr) return code(Status::kInvalidArgument);
    return writer->respond(status, headers, header_count);
  });
}

int ur_exchange_accept(ur_exchange* exchange) {
  return entry([&] {
    return exchange == nullptr ? code(Status::kInvalidArgument)
                               : exchange->verdict(true, 0, nullptr);
  });
}

int ur_exchange_veto(ur_exchange* exchange, int status, const char* reason) {
  return entry([&] {
    if (exchange == nullptr || status < 400 || status > 599) return code(Status::kInvalidArgument);
    return exchange->verdict(false, status, reason);
  });
}

int ur_exchange_stage(const ur_exchange* exchange, const char* name) {
  return entry([&] {
    if (exchange == nullptr || name == nullptr) return code(Status::kInvalidArgument);
    const Call call(exchange->attachment.get());
    if (!call.attached()) return code(Status::kDetached);
    const uint32_t stream = ur::stream_index(exchange->id);
    const auto& stages = exchange->attachment->segment()->pool_of(stream).config.stages;
    for (size_t i = 0; i < stages.size(); i++) {
      if (stages[i] == name) return static_cast<int>(ur::kFirstStageLane + i);
    }
    return code(Status::kUnknownStage);
  });
}

int ur_exchange_open_reader(ur_exchange* exchange, int lane, int64_t from, ur_reader** reader) {
  return entry([&] {
    if (exchange == nullptr || reader == nullptr || lane < 0 || from < UR_FROM_KEYFRAME) {
      return code(Status::kInvalidArgument);
    }
    return exchange->open_reader(static_cast<uint32_t>(lane), from, reader);
  });
}

int ur_exchange_open_writer(ur_exchange* exchange, int lane, ur_writer** writer) {
  return entry([&] {
    if (exchange == nullptr || writer == nullptr || lane < 0) return code(Status::kInvalidArgument);
    return exchange->open_writer(static_cast<uint32_t>(lane), writer);
  });
}

void ur_exchange_close(ur_exchange* exchange) {
  if (exchange == nullptr) return;
  ur::capi::ending([&] { exchange->close(); });
  delete exchange;
}

}  // extern "C"
