#include <cstring>

#include "hpks/hpks.h"
#include "hpks/wire.h"

namespace ur::hpks {
namespace {

constexpr size_t kFrameHeaderBytes = 14;   // magic, format version, type, stream id
constexpr size_t kMessageHeaderBytes = 5;  // magic, format version
constexpr size_t kKindAndVersionBytes = 2;
constexpr size_t kStatusBytes = 2;

size_t varint_size(uint64_t value) {
  size_t size = 1;
  for (; value >= 0x80; value >>= 7) size++;
  return size;
}

size_t text_size(std::string_view text) { return varint_size(text.size()) + text.size(); }

size_t head_size(const Head& head) {
  size_t size = kKindAndVersionBytes + varint_size(head.headers.size());
  if (head.kind == Kind::kResponse) {
    size += kStatusBytes;
  } else {
    size += text_size(head.method) + text_size(head.scheme) + text_size(head.authority) +
            text_size(head.path);
  }
  for (const Header& header : head.headers) size += text_size(header.name) + text_size(header.value);
  return size;
}

/// Writes forward into the target; the first failure sticks and makes the later steps do nothing.
class Writer {
 public:
  explicit Writer(std::span<uint8_t> target) : target_(target) {}

  int64_t result() const {
    return status_ == Status::kOk ? static_cast<int64_t>(at_) : static_cast<int64_t>(status_);
  }

  void frame_header(FrameType type, uint64_t stream_id) {
    bytes(kFrameMagic.data(), kFrameMagic.size());
    byte(kFormatVersion);
    byte(static_cast<uint8_t>(type));
    for (int shift = 56; shift >= 0; shift -= 8) byte(static_cast<uint8_t>(stream_id >> shift));
  }

  void message_header() {
    bytes(kMessageMagic.data(), kMessageMagic.size());
    byte(kFormatVersion);
  }

  void head(const Head& head) {
    if (head.kind != Kind::kRequest && head.kind != Kind::kResponse) fail(Status::kHpksBadKind);
    const auto version = static_cast<uint8_t>(head.version);
    if (version < 1 || version > 3) fail(Status::kHpksBadHttpVersion);
    byte(static_cast<uint8_t>(head.kind));
    byte(version);
    if (head.kind == Kind::kResponse) {
      if (head.status < kMinStatus || head.status > kMaxStatus) fail(Status::kHpksBadStatus);
      byte(static_cast<uint8_t>(head.status >> 8));
      byte(static_cast<uint8_t>(head.status));
    } else {
      text(kMethodRule, head.method);
      text(kSchemeRule, head.scheme);
      text(kAuthorityRule, head.authority);
      text(kPathRule, head.path);
    }
    headers(head.headers);
  }

  void data(std::span<const uint8_t> data) {
    varint(data.size());
    bytes(data.data(), data.size());
  }

  void byte(uint8_t value) { bytes(&value, 1); }

 private:
  void fail(Status status) {
    if (status_ == Status::kOk) status_ = status;
  }

  void headers(const HeaderList& headers) {
    if (headers.size() > kMaxHeaders) return fail(Status::kHpksTooManyHeaders);
    varint(headers.size());
    size_t written = 0;
    for (const Header& header : headers) {
      text(kNameRule, header.name);
      text(kValueRule, header.value);
      if (status_ != Status::kOk) return;
      written++;
    }
    // Only headers that another process changes behind our back are fewer than they were.
    if (written != headers.size()) fail(Status::kHpksTruncated);
  }

  void text(const FieldRule& rule, std::string_view text) {
    if (text.empty() && !rule.may_be_empty) return fail(rule.error);
    varint(text.size());
    const size_t start = at_;
    bytes(text.data(), text.size());
    if (status_ != Status::kOk) return;
    // What was written is checked, not what was read: the two may differ by now.
    const auto* copy = reinterpret_cast<const char*>(target_.data() + start);
    if (!allowed(rule, {copy, text.size()})) fail(rule.error);
  }

  void varint(uint64_t value) {
    for (; value >= 0x80; value >>= 7) byte(static_cast<uint8_t>(value | 0x80));
    byte(static_cast<uint8_t>(value));
  }

  void bytes(const void* source, size_t size) {
    if (status_ != Status::kOk || size == 0) return;
    if (size > target_.size() - at_) return fail(Status::kHpksTooLong);
    std::memcpy(target_.data() + at_, source, size);
    at_ += size;
  }

  std::span<uint8_t> target_;
  size_t at_ = 0;
  Status status_ = Status::kOk;
};

}  // namespace

size_t encoded_headers_size(const Head& head) { return kFrameHeaderBytes + head_size(head); }

size_t encoded_body_size(size_t data_bytes) {
  return kFrameHeaderBytes + varint_size(data_bytes) + data_bytes;
}

size_t encoded_message_size(const Head& head, size_t body_bytes) {
  return kMessageHeaderBytes + head_size(head) + varint_size(body_bytes) + body_bytes;
}

int64_t encode_headers(std::span<uint8_t> target, uint64_t stream_id, const Head& head) {
  Writer writer(target);
  writer.frame_header(FrameType::kHeaders, stream_id);
  writer.head(head);
  return writer.result();
}

int64_t encode_body(std::span<uint8_t> target, uint64_t stream_id, std::span<const uint8_t> data) {
  Writer writer(target);
  writer.frame_header(FrameType::kBody, stream_id);
  writer.data(data);
  return writer.result();
}

int64_t encode_end(std::span<uint8_t> target, uint64_t stream_id) {
  Writer writer(target);
  writer.frame_header(FrameType::kEnd, stream_id);
  writer.byte(0);
  return writer.result();
}

int64_t encode_message(std::span<uint8_t> target, const Head& head,
                       std::span<const uint8_t> body) {
  Writer writer(target);
  writer.message_header();
  writer.head(head);
  writer.data(body);
  return writer.result();
}

}  // namespace ur::hpks
