#include "hpks/hpks.h"

#include <algorithm>

#include "hpks/wire.h"

namespace ur::hpks {
namespace {

enum class Varint { kWhole, kShort, kOverflow };

/// Reads the unsigned LEB128 at `*at` and moves `*at` behind it. At most 10 bytes, and 64 bits.
Varint read_varint(std::span<const uint8_t> bytes, size_t* at, uint64_t* value) {
  uint64_t sum = 0;
  for (unsigned shift = 0; *at < bytes.size(); shift += 7) {
    const uint8_t byte = bytes[*at];
    if (shift == 63 && byte > 1) return Varint::kOverflow;
    (*at)++;
    sum |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) {
      *value = sum;
      return Varint::kWhole;
    }
  }
  return Varint::kShort;
}

std::string_view as_text(std::span<const uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Walks over the input. Every step answers whether to go on; the first that does not decides the
/// result. Each byte of a length is read once: another process may change it meanwhile.
class Parser {
 public:
  Parser(std::span<const uint8_t> input, const Limits& limits) : input_(input), limits_(limits) {}

  Result result(bool whole) const {
    if (whole) return {Status::kOk, false, at_};
    return {status_, status_ == Status::kOk, 0};
  }

  bool frame(Frame* frame) {
    uint8_t type = 0;
    if (!preamble(kFrameMagic) || !byte(1, 3, Status::kHpksBadFrameType, &type)) return false;
    frame->type = static_cast<FrameType>(type);
    frame->stream_id = 0;
    for (int index = 0; index < 8; index++) {
      uint8_t part = 0;
      if (!byte(0, 255, Status::kOk, &part)) return false;
      frame->stream_id = frame->stream_id << 8 | part;
    }
    switch (frame->type) {
      case FrameType::kHeaders:
        return head(&frame->head);
      case FrameType::kBody:
        return body(&frame->data);
      case FrameType::kEnd:
        break;
    }
    uint8_t flags = 0;
    return byte(0, 0, Status::kHpksBadEndFlags, &flags);
  }

  bool message(Message* message) {
    return preamble(kMessageMagic) && head(&message->head) && body(&message->body);
  }

 private:
  bool fail(Status status) {
    status_ = status;
    return false;
  }

  bool byte(uint8_t low, uint8_t high, Status error, uint8_t* value) {
    if (at_ == input_.size()) return false;
    *value = input_[at_];
    if (*value < low || *value > high) return fail(error);
    at_++;
    return true;
  }

  bool preamble(std::string_view magic) {
    uint8_t seen = 0;
    for (const char expected : magic) {
      const auto wanted = static_cast<uint8_t>(expected);
      if (!byte(wanted, wanted, Status::kHpksBadMagic, &seen)) return false;
    }
    return byte(kFormatVersion, kFormatVersion, Status::kHpksBadVersion, &seen);
  }

  bool head(Head* head) {
    uint8_t kind = 0;
    uint8_t version = 0;
    if (!byte(1, 2, Status::kHpksBadKind, &kind)) return false;
    if (!byte(1, 3, Status::kHpksBadHttpVersion, &version)) return false;
    *head = Head{};
    head->kind = static_cast<Kind>(kind);
    head->version = static_cast<HttpVersion>(version);
    if (head->kind == Kind::kResponse) return status(&head->status) && headers(&head->headers);
    if (!text(kMethodRule, &head->method) || !text(kSchemeRule, &head->scheme) ||
        !text(kAuthorityRule, &head->authority) || !text(kPathRule, &head->path)) {
      return false;
    }
    if (head->path.empty()) head->path = "/";
    return headers(&head->headers);
  }

  bool status(uint16_t* status) {
    uint8_t high = 0;
    uint8_t low = 0;
    if (!byte(0, kMaxStatus >> 8, Status::kHpksBadStatus, &high)) return false;
    if (!byte(0, 255, Status::kOk, &low)) return false;
    *status = static_cast<uint16_t>(high << 8 | low);
    return (*status >= kMinStatus && *status <= kMaxStatus) || fail(Status::kHpksBadStatus);
  }

  bool headers(HeaderList* headers) {
    uint64_t count = 0;
    if (!varint(&count)) return false;
    if (count > kMaxHeaders) return fail(Status::kHpksTooManyHeaders);
    // A header takes at least the bytes of its two lengths.
    if (!fits(2 * count)) return false;
    const size_t start = at_;
    for (uint64_t index = 0; index < count; index++) {
      std::string_view ignored;
      if (!text(kNameRule, &ignored) || !text(kValueRule, &ignored)) return false;
    }
    *headers = HeaderList(input_.subspan(start, at_ - start), count);
    return true;
  }

  bool text(const FieldRule& rule, std::string_view* text) {
    uint64_t length = 0;
    if (!varint(&length) || !fits(length)) return false;
    if (length > limits_.max_field_bytes) return fail(Status::kHpksTooLong);
    if (length == 0 && !rule.may_be_empty) return fail(rule.error);
    const size_t there = std::min<size_t>(length, input_.size() - at_);
    *text = as_text(input_.subspan(at_, there));
    if (!allowed(rule, *text)) return fail(rule.error);
    at_ += there;
    return there == length;
  }

  bool body(std::span<const uint8_t>* data) {
    uint64_t length = 0;
    if (!varint(&length) || !fits(length)) return false;
    if (length > input_.size() - at_) return false;
    *data = input_.subspan(at_, length);
    at_ += length;
    return true;
  }

  bool varint(uint64_t* value) {
    const Varint read = read_varint(input_, &at_, value);
    return read == Varint::kOverflow ? fail(Status::kHpksVarintOverflow) : read == Varint::kWhole;
  }

  bool fits(uint64_t length) {
    const size_t max = limits_.max_frame_bytes;
    return (at_ <= max && length <= max - at_) || fail(Status::kHpksTooLong);
  }

  std::span<const uint8_t> input_;
  Limits limits_;
  size_t at_ = 0;
  Status status_ = Status::kOk;
};

/// Takes a field off the front of `wire`; false if it is torn.
bool take_field(std::span<const uint8_t>* wire, std::string_view* text) {
  size_t at = 0;
  uint64_t length = 0;
  if (read_varint(*wire, &at, &length) != Varint::kWhole) return false;
  if (length > wire->size() - at) return false;
  *text = as_text(wire->subspan(at, length));
  *wire = wire->subspan(at + length);
  return true;
}

}  // namespace

void HeaderList::Iterator::load() {
  if (left_ == 0) return;
  if (array_ != nullptr) {
    current_ = *array_;
  } else if (!take_field(&wire_, &current_.name) || !take_field(&wire_, &current_.value)) {
    left_ = 0;
  }
}

HeaderList::Iterator& HeaderList::Iterator::operator++() {
  left_--;
  if (array_ != nullptr) array_++;
  load();
  return *this;
}

HeaderList::Iterator HeaderList::Iterator::operator++(int) {
  Iterator before = *this;
  ++*this;
  return before;
}

HeaderList::Iterator HeaderList::begin() const {
  Iterator first;
  first.array_ = array_;
  first.wire_ = wire_;
  first.left_ = count_;
  first.load();
  return first;
}

Result decode_frame(std::span<const uint8_t> input, Frame* frame, const Limits& limits) {
  if (limits.max_frame_bytes < kMinFrameLimit) return {Status::kInvalidArgument, false, 0};
  *frame = Frame{};
  Parser parser(input, limits);
  return parser.result(parser.frame(frame));
}

Result decode_message(std::span<const uint8_t> input, Message* message, const Limits& limits) {
  if (limits.max_frame_bytes < kMinFrameLimit) return {Status::kInvalidArgument, false, 0};
  *message = Message{};
  Parser parser(input, limits);
  return parser.result(parser.message(message));
}

}  // namespace ur::hpks
