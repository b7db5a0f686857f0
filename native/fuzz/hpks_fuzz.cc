// libFuzzer: decodes arbitrary bytes. What decodes is encoded and decoded again and must be the same;
// and what a prefix gives must agree with what the whole gives.

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <vector>

#include "hpks/hpks.h"

namespace {

using namespace ur;
using namespace ur::hpks;
using Bytes = std::vector<uint8_t>;

// Small, so that inputs of a few hundred bytes pass them.
constexpr Limits kLimits{64, 512};

void require(bool holds) {
  if (!holds) std::abort();
}

bool same(const Head& left, const Head& right) {
  const auto equal = [](const Header& one, const Header& other) {
    return one.name == other.name && one.value == other.value;
  };
  return left.kind == right.kind && left.version == right.version && left.status == right.status &&
         left.method == right.method && left.scheme == right.scheme &&
         left.authority == right.authority && left.path == right.path &&
         std::equal(left.headers.begin(), left.headers.end(), right.headers.begin(),
                    right.headers.end(), equal);
}

bool same(std::span<const uint8_t> left, std::span<const uint8_t> right) {
  return std::ranges::equal(left, right);
}

// The two formats behind one interface.
struct FrameFormat {
  using Value = Frame;
  static Result decode(std::span<const uint8_t> input, Value* value) {
    return decode_frame(input, value, kLimits);
  }
  static size_t size(const Value& value) {
    if (value.type == FrameType::kHeaders) return encoded_headers_size(value.head);
    return value.type == FrameType::kBody ? encoded_body_size(value.data.size()) : kEncodedEndSize;
  }
  static int64_t encode(std::span<uint8_t> target, const Value& value) {
    if (value.type == FrameType::kHeaders) {
      return encode_headers(target, value.stream_id, value.head);
    }
    if (value.type == FrameType::kBody) return encode_body(target, value.stream_id, value.data);
    return encode_end(target, value.stream_id);
  }
  static bool equal(const Value& left, const Value& right) {
    return left.type == right.type && left.stream_id == right.stream_id &&
           same(left.head, right.head) && same(left.data, right.data);
  }
};

struct MessageFormat {
  using Value = Message;
  static Result decode(std::span<const uint8_t> input, Value* value) {
    return decode_message(input, value, kLimits);
  }
  static size_t size(const Value& value) {
    return encoded_message_size(value.head, value.body.size());
  }
  static int64_t encode(std::span<uint8_t> target, const Value& value) {
    return encode_message(target, value.head, value.body);
  }
  static bool equal(const Value& left, const Value& right) {
    return same(left.head, right.head) && same(left.body, right.body);
  }
};

template <typename Format>
void check_round_trip(const typename Format::Value& value) {
  Bytes bytes(Format::size(value));
  require(Format::encode(bytes, value) == static_cast<int64_t>(bytes.size()));
  typename Format::Value again;
  const Result result = Format::decode(bytes, &again);
  // An empty path is encoded as "/", which may be the byte too much.
  if (result.status == Status::kHpksTooLong && bytes.size() > kLimits.max_frame_bytes) return;
  require(result.complete() == Status::kOk && result.consumed == bytes.size());
  require(Format::equal(value, again));
}

template <typename Format>
void check(std::span<const uint8_t> input) {
  typename Format::Value value;
  const Result whole = Format::decode(input, &value);
  require(whole.status == Status::kOk ? whole.need_more == (whole.consumed == 0)
                                      : !whole.need_more && whole.consumed == 0);
  require(whole.consumed <= std::min(input.size(), kLimits.max_frame_bytes));
  if (whole.complete() == Status::kOk) check_round_trip<Format>(value);

  // Each prefix on a block of its own size, so that a read beyond it is seen.
  bool told = false;
  for (size_t size = 0; size < std::min(input.size(), 2 * kLimits.max_frame_bytes); size++) {
    const std::unique_ptr<uint8_t[]> prefix(new uint8_t[size]);
    std::copy_n(input.begin(), size, prefix.get());
    const Result part = Format::decode({prefix.get(), size}, &value);
    told = told || !part.need_more;
    require(told ? part.status == whole.status && part.consumed == whole.consumed
                 : part.status == Status::kOk && part.consumed == 0);
    if (part.complete() == Status::kOk) require(size >= whole.consumed);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  check<FrameFormat>({data, size});
  check<MessageFormat>({data, size});
  return 0;
}
