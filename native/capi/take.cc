// Looking at a stream, and taking it or leaving it to others.
#include <algorithm>
#include <cstring>
#include <string_view>

#include "core/claim.h"
#include "core/verdict.h"
#include "handles.h"

namespace ur::capi {
namespace {

using Outcome = Places::Outcome;

// `/a` stands for `/a`, `/a?q` and `/a/b`, not for `/ab`; `/a/` for what lies below it.
bool lies_below(std::string_view path, std::string_view prefix) {
  if (!path.starts_with(prefix)) return false;
  if (path.size() == prefix.size() || prefix.ends_with('/')) return true;
  const char next = path[prefix.size()];
  return next == '/' || next == '?';
}

bool is_wanted(const Options& options, const ur_exchange& exchange,
               const std::vector<std::string>& stages) {
  if (!options.transport.empty() && options.transport != exchange.transport) return false;
  if (!options.stage.empty() &&
      std::find(stages.begin(), stages.end(), options.stage) == stages.end()) {
    return false;
  }
  const ur_head* head = exchange.head.head();
  const auto matches = [&](const std::string& path) { return lies_below(head->path, path); };
  if (!options.any_path && std::none_of(options.paths.begin(), options.paths.end(), matches)) {
    return false;
  }
  return options.accept == nullptr || options.accept(head, options.context) != 0;
}

// The first slots have gone: who must judge the whole cannot let it pass.
Outcome miss(Attachment* attachment, uint64_t id) {
  Segment* segment = attachment->segment();
  if (attachment->observer() != kNoIndex) {
    Status status = hold_verdict(segment, id, attachment->observer());
    if (status != Status::kOk) return Outcome::kRefused;
    status = give_verdict(segment, id, attachment->observer(), false, 503,
                          "the observer came too late");
  }
  attachment->missed.fetch_add(1, std::memory_order_relaxed);
  return Outcome::kRefused;
}

Status join_request(ur_exchange* exchange, const LaneRef& lane) {
  Segment* segment = exchange->attachment->segment();
  const int64_t from = exchange->attachment->options().from;
  const Status status = exchange->request->lane.join(segment, lane, from);
  if (status != Status::kOk || from != 0) return status;
  return exchange->request->lane.gap() > 0 ? Status::kLapped : Status::kOk;
}

Status copy_slot_of(const LaneRef& lane, uint64_t id, uint32_t flag, std::vector<uint8_t>* frame) {
  uint32_t flags = 0;
  const Status status = copy_frame(lane, id, frame, &flags);
  return status == Status::kOk && flags != flag ? Status::kSegmentCorrupt : status;
}

// Slot 1; or, for who may come late, its repetition before the newest keyframe.
Status copy_head(const Segment& segment, const LaneRef& lane, bool late,
                 std::vector<uint8_t>* frame) {
  Status status = copy_slot_of(lane, 1, kSlotHead, frame);
  for (int attempt = 0; late && status == Status::kLapped && attempt < 2; attempt++) {
    // Where there is none, each publication rings until there is: the watch before the second look.
    if (attempt == 1 && watch_lane(segment, lane, kCursorMask) != Status::kEmpty) break;
    const uint64_t keyframe = newest_keyframe(lane);
    if (keyframe < 2) continue;
    if (copy_slot_of(lane, keyframe - 1, kSlotControl, frame) == Status::kOk) return Status::kOk;
  }
  return status;
}

Outcome claim(ur_exchange* exchange, const LaneRef& request) {
  ur_writer* writer = nullptr;
  const int claimed = exchange->open_writer(kResponseLane, &writer);
  if (claimed != 0) return Outcome::kLost;
  const Status joined = join_request(exchange, request);
  if (joined == Status::kOk) return Outcome::kTaken;
  exchange->request->close();
  writer->close(joined);
  return Outcome::kRefused;
}

Outcome observe(ur_exchange* exchange, const LaneRef& request) {
  Attachment* attachment = exchange->attachment.get();
  const Status joined = join_request(exchange, request);
  Outcome outcome = Outcome::kTaken;
  if (joined == Status::kLapped) {
    outcome = miss(attachment, exchange->id);
  } else if (joined != Status::kOk) {
    outcome = Outcome::kRefused;
  } else if (attachment->observer() != kNoIndex) {
    // Joined before the duty is taken: from then on the server relies on this reader. It comes again
    // when who has it dies.
    const Status held =
        hold_verdict(attachment->segment(), exchange->id, attachment->observer());
    exchange->holds_verdict = held == Status::kOk;
    if (held != Status::kOk) outcome = Outcome::kLost;
  }
  if (outcome != Outcome::kTaken) exchange->request->close();
  return outcome;
}

}  // namespace

Outcome take_stream(const std::shared_ptr<Attachment>& attachment, uint64_t id,
                    std::unique_ptr<ur_exchange>* out) {
  Segment* segment = attachment->segment();
  LaneRef lane;
  if (segment->lane(id, kRequestLane, &lane) != Status::kOk) return Outcome::kLost;
  auto exchange = std::make_unique<ur_exchange>();
  exchange->attachment = attachment;
  exchange->id = id;
  const PoolGeometry& pool = segment->pool_of(lane.stream);
  exchange->pool = pool.config.name;
  std::memcpy(exchange->transport, lane.row->transport, sizeof exchange->transport - 1);
  exchange->request = std::make_unique<ur_reader>();
  exchange->request->attachment = attachment;
  exchange->request->exchange = exchange.get();

  std::vector<uint8_t> frame;
  const bool observes = attachment->options().observes();
  const bool late = attachment->options().from != 0;
  const Status copied = copy_head(*segment, lane, late, &frame);
  if (copied != Status::kOk) {
    return !late && observes && copied == Status::kLapped && is_open(lane) ? miss(attachment.get(), id)
                                                                 : Outcome::kLost;
  }
  if (exchange->head.decode(frame, hpks::Kind::kRequest) != Status::kOk) {
    return Outcome::kRefused;
  }
  exchange->request->head = exchange->head.head();
  if (!is_wanted(attachment->options(), *exchange, pool.config.stages)) return Outcome::kRefused;
  exchange->waited_rings = attachment->bell().ticket(lane.stream);
  const Outcome outcome = observes ? observe(exchange.get(), lane) : claim(exchange.get(), lane);
  if (outcome == Outcome::kTaken) *out = std::move(exchange);
  return outcome;
}

}  // namespace ur::capi
