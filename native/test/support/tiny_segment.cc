#include "test/support/tiny_segment.h"

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "core/claim.h"
#include "core/ingress.h"
#include "core/lane_reader.h"
#include "core/lane_writer.h"
#include "hpks/hpks.h"

namespace ur {
namespace {

void require(Status status) {
  if (status != Status::kOk) std::abort();
}

PoolConfig pool(const char* name, uint32_t streams, uint32_t slot_size, uint32_t request_slots,
                uint32_t response_slots, uint32_t readers) {
  PoolConfig config;
  config.name = name;
  config.streams = streams;
  config.slot_size = slot_size;
  config.request_slots = request_slots;
  config.response_slots = response_slots;
  config.readers_per_lane = readers;
  return config;
}

void write_head(LaneWriter* writer, uint64_t stream_id, const hpks::Head& head) {
  std::vector<uint8_t> frame(encoded_headers_size(head));
  const int64_t length = hpks::encode_headers(frame, stream_id, head);
  if (length < 0) std::abort();
  require(writer->write(frame.data(), static_cast<uint32_t>(length), kSlotHead));
}

hpks::Head request_head() {
  hpks::Head head;
  head.kind = hpks::Kind::kRequest;
  head.version = hpks::HttpVersion::kHttp1;
  head.method = "POST";
  head.scheme = "http";
  head.authority = "localhost";
  head.path = "/upload";
  return head;
}

hpks::Head response_head() {
  hpks::Head head;
  head.kind = hpks::Kind::kResponse;
  head.version = hpks::HttpVersion::kHttp1;
  head.status = 200;
  return head;
}

}  // namespace

TinySegment::TinySegment() {
  SegmentConfig config;
  config.max_workers = 2;
  config.observers = {"scan"};
  config.pools = {pool("a", 2, 1024, 4, 2, 2), pool("b", 1, 5000, 2, 2, 3)};
  config.pools[0].stages = {"text"};
  config.pools[0].stage_slots = 2;
  std::string detail;
  require(Segment::create(config, &segment_, &detail));
  segment_->set_self(0);
}

std::map<std::string, uint64_t> TinySegment::places() const {
  const Geometry& geometry = segment_->geometry();
  const auto at = [this](const void* pointer) {
    return static_cast<uint64_t>(static_cast<const uint8_t*>(pointer) - segment_->base());
  };
  std::map<std::string, uint64_t> places = {
      {"worker table", geometry.worker_table_offset},
      {"signal table", geometry.signal_table_offset},
      {"signal_stride", geometry.signal_stride},
      {"stream table", geometry.stream_table_offset},
      {"request_data_begin", geometry.request_data_begin},
      {"request_data_end", geometry.request_data_end},
      {"total_size", geometry.total_size}};
  const auto add_pool = [&](const std::string& name, const PoolGeometry& one) {
    places["`" + name + "`: `lane_offset`"] = one.lane_offset;
    places["`" + name + "`: `lane_stride`"] = one.lane_stride;
    places["`" + name + "`: `slot_stride`"] = one.slot_stride;
    places["`" + name + "`: `slot_header_offset`"] = one.slot_header_offset;
    places["`" + name + "`: `slot_header_stride`"] = one.slot_header_stride;
    places["`" + name + "`: `request_data_offset`"] = one.request_data_offset;
    places["`" + name + "`: `request_data_stride`"] = one.request_data_stride;
    places["`" + name + "`: `response_data_offset`"] = one.response_data_offset;
    places["`" + name + "`: `response_data_stride`"] = one.response_data_stride;
  };
  add_pool("a", geometry.pools[0]);
  add_pool("b", geometry.pools[1]);
  const LaneRef stage = segment_->lane_at(1, kFirstStageLane);
  places["stream 1, lane 2"] = at(stage.control);
  places["stream 1, lane 2, header of slot 5"] = at(&stage.header(5));
  places["stream 1, lane 2, data of slot 5"] = at(stage.slot_data(5));
  const LaneRef request = segment_->lane_at(2, kRequestLane);
  places["stream 2, lane 0, header of slot 2"] = at(&request.header(2));
  places["stream 2, lane 0, data of slot 2"] = at(request.slot_data(2));
  return places;
}

void TinySegment::answer_one_request() {
  Ingress ingress(segment_.get());
  uint64_t id = 0;
  require(ingress.open(0, "http1", &id));
  LaneRef request;
  LaneRef response;
  require(segment_->lane(id, kRequestLane, &request));
  require(segment_->lane(id, kResponseLane, &response));
  LaneReader hold;
  LaneReader answer;
  require(hold.join(segment_.get(), request, 0));
  require(answer.join(segment_.get(), response, 0));
  LaneWriter writer;
  require(writer.open(segment_.get(), request, 0));
  write_head(&writer, id, request_head());

  segment_->set_self(1);
  uint64_t token = 0;
  LaneReader reader;
  LaneWriter responder;
  require(claim_lane(segment_.get(), response, &token));
  require(reader.join(segment_.get(), request, 0));
  require(responder.open(segment_.get(), response, token));

  segment_->set_self(0);
  require(writer.write(reinterpret_cast<const uint8_t*>("hello"), 5, kSlotBody));
  require(writer.end());

  segment_->set_self(1);
  SlotView views[2];
  uint32_t count = 0;
  require(reader.tail(views, 2, &count));
  require(reader.ack(2));
  write_head(&responder, id, response_head());
  require(responder.end());
  segment_->set_self(0);
}

Ranges TinySegment::first_stream_ranges() const {
  const PoolGeometry& one = segment_->geometry().pools[0];
  return {{segment_->geometry().stream_table_offset, sizeof(StreamRow)},
          {one.lane_offset, 3 * uint64_t{one.lane_stride}},
          {one.slot_header_offset, one.slot_header_stride},
          {one.request_data_offset, one.request_data_stride},
          {one.response_data_offset, one.response_data_stride}};
}

Bytes TinySegment::bytes() const {
  Bytes copy(segment_->base(), segment_->base() + segment_->size());
  const auto clear = [&copy](uint64_t offset, size_t length) {
    std::memset(copy.data() + offset, 0, length);
  };
  clear(offsetof(SegmentHeader, boot_uuid), sizeof(SegmentHeader::boot_uuid));
  clear(offsetof(SegmentHeader, created_unix_ns), sizeof(uint64_t));
  clear(offsetof(SegmentHeader, server_pid), sizeof(uint32_t));
  const Geometry& geometry = segment_->geometry();
  clear(geometry.stream_table_offset + offsetof(StreamRow, opened_ns), sizeof(uint64_t));
  const PoolGeometry& one = geometry.pools[0];
  for (uint64_t lane = 0; lane < one.lanes_per_stream; lane++) {
    // How often a writer rings is its own affair.
    clear(one.lane_offset + lane * one.lane_stride + offsetof(Lane, wake), sizeof(uint32_t));
  }
  for (uint64_t at = 0; at < one.slot_header_stride; at += sizeof(SlotHeader)) {
    clear(one.slot_header_offset + at + offsetof(SlotHeader, timestamp_ns), sizeof(uint64_t));
  }
  return copy;
}

}  // namespace ur
