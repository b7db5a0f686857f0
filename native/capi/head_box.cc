#include "head_box.h"

#include <strings.h>

#include <algorithm>
#include <cstring>

#include "core/lane_reader.h"

namespace ur::capi {
namespace {

// Copies strings behind each other, a zero byte after each.
class Text {
 public:
  explicit Text(char* at) : at_(at) {}
  const char* add(std::string_view text) {
    char* start = at_;
    std::copy(text.begin(), text.end(), start);
    start[text.size()] = '\0';
    at_ += text.size() + 1;
    return start;
  }

 private:
  char* at_;
};

std::string_view view_of(const char* text, size_t length) {
  return {text, length == 0 ? std::strlen(text) : length};
}

}  // namespace

Status HeadBox::decode(std::span<const uint8_t> bytes, hpks::Kind kind) {
  hpks::Frame frame;
  // The slot bounds every field already.
  const hpks::Limits limits = {kMaxSlotSize, hpks::kDefaultMaxFrameBytes};
  const Status status = hpks::decode_frame(bytes, &frame, limits).complete();
  if (status != Status::kOk) return status;
  const hpks::Head& head = frame.head;
  if (frame.type != hpks::FrameType::kHeaders) return Status::kHpksBadFrameType;
  if (head.kind != kind) return Status::kHpksBadKind;

  size_t size = head.method.size() + head.scheme.size() + head.authority.size() +
                head.path.size() + 4;
  for (const hpks::Header& header : head.headers) {
    size += header.name.size() + header.value.size() + 2;
  }
  text_ = std::make_unique<char[]>(size);
  headers_.clear();
  headers_.reserve(head.headers.size());
  Text text(text_.get());
  head_.method = text.add(head.method);
  head_.scheme = text.add(head.scheme);
  head_.authority = text.add(head.authority);
  head_.path = text.add(head.path);
  for (const hpks::Header& header : head.headers) {
    headers_.push_back({text.add(header.name), text.add(header.value), header.name.size(),
                        header.value.size()});
  }
  head_.http_version = static_cast<uint32_t>(head.version);
  head_.status = head.status;
  head_.header_count = headers_.size();
  head_.headers = headers_.data();
  filled_ = true;
  return Status::kOk;
}

Status copy_frame(const LaneRef& lane, uint64_t slot, std::vector<uint8_t>* out,
                  uint32_t* flags) {
  // Looked at once, for the size of the copy only; copy_slot judges.
  const uint32_t length = lane.header(slot).length.load(std::memory_order_relaxed);
  out->resize(std::min(length, lane.slot_size));
  uint32_t copied = 0;
  const Status status = copy_slot(lane, slot, out->data(), static_cast<uint32_t>(out->size()),
                                  &copied, flags);
  // It became longer meanwhile: another slot stands there by now.
  if (status == Status::kSlotTooLarge) return Status::kLapped;
  if (status == Status::kOk) out->resize(copied);
  return status;
}

Status encode_head(uint64_t stream_id, uint32_t http_version, int status,
                   const ur_header* headers, size_t count, size_t most_bytes,
                   std::vector<uint8_t>* out) {
  if (count > 0 && headers == nullptr) return Status::kInvalidArgument;
  if (count > hpks::kMaxHeaders) return Status::kHpksTooManyHeaders;
  std::vector<hpks::Header> fields;
  fields.reserve(count);
  for (const ur_header& header : std::span(headers, count)) {
    if (header.name == nullptr || header.value == nullptr) return Status::kInvalidArgument;
    fields.push_back({view_of(header.name, header.name_length),
                      view_of(header.value, header.value_length)});
  }
  hpks::Head head;
  head.kind = hpks::Kind::kResponse;
  head.version = static_cast<hpks::HttpVersion>(http_version);
  head.status = static_cast<uint16_t>(status);
  head.headers = hpks::HeaderList(std::span<const hpks::Header>(fields));
  const size_t needed = hpks::encoded_headers_size(head);
  if (needed > most_bytes) return Status::kSlotTooLarge;
  out->resize(needed);
  const int64_t size = hpks::encode_headers(*out, stream_id, head);
  return size < 0 ? static_cast<Status>(size) : Status::kOk;
}

}  // namespace ur::capi

extern "C" const char* ur_head_value(const ur_head* head, const char* name) {
  if (head == nullptr || name == nullptr) return nullptr;
  for (size_t i = 0; i < head->header_count; i++) {
    if (strcasecmp(head->headers[i].name, name) == 0) return head->headers[i].value;
  }
  return nullptr;
}
