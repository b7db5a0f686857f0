#include "hpks/hpks.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>

#include "test/support/hpks_vectors.h"

namespace ur::hpks {
namespace {

/// Bytes on a heap block of exactly their size, so that AddressSanitizer sees any byte read beyond.
class Exact {
 public:
  explicit Exact(std::span<const uint8_t> bytes)
      : bytes_(new uint8_t[bytes.size()]), size_(bytes.size()) {
    std::copy(bytes.begin(), bytes.end(), bytes_.get());
  }
  std::span<const uint8_t> span() const { return {bytes_.get(), size_}; }

 private:
  std::unique_ptr<uint8_t[]> bytes_;
  size_t size_;
};

Lines lines_of(const Result& result, Lines value) {
  if (result.status != Status::kOk) return {std::string("error ") + status_name(result.status)};
  if (result.need_more) return {"need-more"};
  value.push_back("consumed " + std::to_string(result.consumed));
  return value;
}

Lines decoded(const Vector& vector, std::span<const uint8_t> bytes) {
  const Exact input(bytes);
  if (vector.is_message) {
    Message message;
    const Result result = decode_message(input.span(), &message, vector.limits);
    return lines_of(result, result.need_more ? Lines{} : render(message));
  }
  Frame frame;
  const Result result = decode_frame(input.span(), &frame, vector.limits);
  return lines_of(result, result.need_more ? Lines{} : render(frame));
}

bool is_error(const Vector& vector) { return vector.expected[0].starts_with("error"); }
bool is_whole(const Vector& vector) { return vector.expected.back().starts_with("consumed"); }

/// What `decoded` gives for the vector.
Lines expected_of(const Vector& vector) {
  if (!is_error(vector)) return vector.expected;
  return {vector.expected[0].substr(0, vector.expected[0].find(" after "))};
}

/// How many bytes the vector's result depends on.
size_t decisive_bytes(const Vector& vector) {
  if (!is_error(vector) && !is_whole(vector)) return vector.bytes.size();
  const std::string& last = vector.expected.back();
  return std::stoul(last.substr(last.rfind(' ') + 1));
}

int64_t encoded_again(const Vector& vector, std::span<uint8_t> target) {
  if (vector.is_message) {
    Message message;
    EXPECT_EQ(decode_message(vector.bytes, &message, vector.limits).complete(), Status::kOk);
    EXPECT_EQ(encoded_message_size(message.head, message.body.size()), target.size());
    return encode_message(target, message.head, message.body);
  }
  Frame frame;
  EXPECT_EQ(decode_frame(vector.bytes, &frame, vector.limits).complete(), Status::kOk);
  switch (frame.type) {
    case FrameType::kHeaders:
      EXPECT_EQ(encoded_headers_size(frame.head), target.size());
      return encode_headers(target, frame.stream_id, frame.head);
    case FrameType::kBody:
      EXPECT_EQ(encoded_body_size(frame.data.size()), target.size());
      return encode_body(target, frame.stream_id, frame.data);
    case FrameType::kEnd:
      EXPECT_EQ(kEncodedEndSize, target.size());
      return encode_end(target, frame.stream_id);
  }
  return 0;
}

Head request_head(std::span<const Header> headers = {}) {
  Head head;
  head.method = "GET";
  head.path = "/";
  head.headers = headers;
  return head;
}

Head response_head(std::span<const Header> headers = {}) {
  Head head;
  head.kind = Kind::kResponse;
  head.status = 200;
  head.headers = headers;
  return head;
}

int64_t number_of(Status status) { return static_cast<int64_t>(status); }

int64_t encoded(const Head& head) {
  Bytes target(encoded_headers_size(head));
  return encode_headers(target, 1, head);
}

TEST(HpksVectors, DecodeAsTheFixtureSaysAndEveryPrefixUntilAByteTells) {
  const Fixture fixture = read_fixture();
  ASSERT_GT(fixture.vectors.size(), 50U) << "run the test inside the repository";
  for (const Vector& vector : fixture.vectors) {
    const std::span<const uint8_t> bytes = vector.bytes;
    for (size_t size = 0; size <= bytes.size(); size++) {
      SCOPED_TRACE(vector.name + ", " + std::to_string(size) + " bytes");
      const bool early = size < decisive_bytes(vector);
      EXPECT_EQ(decoded(vector, bytes.first(size)),
                early ? Lines{"need-more"} : expected_of(vector));
    }
  }
}

TEST(HpksVectors, EncodeAgain) {
  for (const Vector& vector : read_fixture().vectors) {
    if (!is_whole(vector) || vector.encodes_otherwise) continue;
    SCOPED_TRACE(vector.name);
    Bytes target(decisive_bytes(vector));
    EXPECT_EQ(encoded_again(vector, target), static_cast<int64_t>(target.size()));
    EXPECT_TRUE(std::equal(target.begin(), target.end(), vector.bytes.begin()));
  }
}

TEST(HpksVectors, FieldsHoldTheBytesOfTheFixture) {
  const Fixture fixture = read_fixture();
  ASSERT_EQ(fixture.byte_rules.size(), 7U);
  for (const ByteRule& rule : fixture.byte_rules) {
    for (unsigned byte = 0; byte < 256; byte++) {
      SCOPED_TRACE(rule.field + ", byte " + std::to_string(byte));
      Vector vector;
      vector.bytes = rule.frame;
      vector.bytes[rule.position] = static_cast<uint8_t>(byte);
      const Lines lines = decoded(vector, vector.bytes);
      if (!rule.allowed.contains(static_cast<uint8_t>(byte))) {
        EXPECT_EQ(lines, Lines{"error " + rule.error});
        continue;
      }
      EXPECT_TRUE(lines.back().starts_with("consumed"));
      Bytes target(vector.bytes.size());
      EXPECT_EQ(encoded_again(vector, target), static_cast<int64_t>(target.size()));
      EXPECT_EQ(target, vector.bytes);
    }
  }
}

TEST(HpksDecode, SaysTruncatedToThoseWhoHaveNoMore) {
  Frame frame;
  EXPECT_EQ(decode_frame({}, &frame).complete(), Status::kHpksTruncated);
}

TEST(HpksDecode, RefusesLimitsThatHoldNoFrame) {
  Frame frame;
  Message message;
  const Limits limits{10, kMinFrameLimit - 1};
  EXPECT_EQ(decode_frame({}, &frame, limits).status, Status::kInvalidArgument);
  EXPECT_EQ(decode_message({}, &message, limits).status, Status::kInvalidArgument);
}

TEST(HpksDecode, IterationStaysInsideBytesThatChangeMeanwhile) {
  const Header pair[] = {{"name", "value"}, {"other", "text"}};
  const Head head = request_head(pair);
  Bytes bytes(encoded_headers_size(head));
  ASSERT_GT(encode_headers(bytes, 1, head), 0);
  for (size_t at = 0; at < bytes.size(); at++) {
    const Exact input(bytes);
    Frame frame;
    ASSERT_EQ(decode_frame(input.span(), &frame).complete(), Status::kOk);
    const_cast<uint8_t&>(input.span()[at]) = 0xff;
    size_t sum = 0;
    for (const Header& header : frame.head.headers) {
      for (const char byte : header.name) sum += static_cast<uint8_t>(byte);
      for (const char byte : header.value) sum += static_cast<uint8_t>(byte);
    }
    EXPECT_LT(sum, 256 * bytes.size());  // reads them all
    // An encoder fed from there must fail or write a frame that is valid.
    Bytes target(4 * bytes.size());
    const int64_t size = encode_headers(target, 1, frame.head);
    if (size < 0) continue;
    const auto written = std::span<const uint8_t>(target).first(static_cast<size_t>(size));
    EXPECT_EQ(decode_frame(written, &frame).complete(), Status::kOk);
  }
}

TEST(HpksEncode, RefusesWhatTheDecoderRefuses) {
  const auto refused = [](Head head, auto change, Status status) {
    change(head);
    EXPECT_EQ(encoded(head), number_of(status));
  };
  refused(request_head(), [](Head& head) { head.method = ""; }, Status::kHpksBadMethod);
  refused(request_head(), [](Head& head) { head.method = "A B"; }, Status::kHpksBadMethod);
  refused(request_head(), [](Head& head) { head.scheme = "1a"; }, Status::kHpksBadScheme);
  refused(request_head(), [](Head& head) { head.authority = "a/"; }, Status::kHpksBadAuthority);
  refused(request_head(), [](Head& head) { head.path = "/ "; }, Status::kHpksBadPath);
  refused(response_head(), [](Head& head) { head.status = 99; }, Status::kHpksBadStatus);
  refused(response_head(), [](Head& head) { head.status = 1000; }, Status::kHpksBadStatus);
  const auto bad_kind = [](Head& head) { head.kind = static_cast<Kind>(3); };
  refused(request_head(), bad_kind, Status::kHpksBadKind);
  const auto bad_version = [](Head& head) { head.version = static_cast<HttpVersion>(0); };
  refused(request_head(), bad_version, Status::kHpksBadHttpVersion);
  const Header empty_name[] = {{"", "x"}};
  EXPECT_EQ(encoded(response_head(empty_name)), number_of(Status::kHpksBadHeaderName));
  const Header pseudo[] = {{":path", "/"}};
  EXPECT_EQ(encoded(response_head(pseudo)), number_of(Status::kHpksBadHeaderName));
  const Header line_feed[] = {{"x", "a\nb"}};
  EXPECT_EQ(encoded(response_head(line_feed)), number_of(Status::kHpksBadHeaderValue));
}

TEST(HpksEncode, TakesAsManyHeadersAsAFrameMayHave) {
  std::vector<Header> headers(kMaxHeaders, Header{"x", "y"});
  Bytes target(encoded_headers_size(response_head(headers)));
  ASSERT_GT(encode_headers(target, 1, response_head(headers)), 0);
  Frame frame;
  ASSERT_EQ(decode_frame(target, &frame).complete(), Status::kOk);
  EXPECT_EQ(frame.head.headers.size(), kMaxHeaders);
  EXPECT_EQ(std::distance(frame.head.headers.begin(), frame.head.headers.end()),
            static_cast<std::ptrdiff_t>(kMaxHeaders));
  headers.push_back({"x", "y"});
  EXPECT_EQ(encoded(response_head(headers)), number_of(Status::kHpksTooManyHeaders));
}

TEST(HpksEncode, FailsAtEveryTargetThatIsTooSmall) {
  const Header pair[] = {{"name", "value"}, {"other", ""}};
  const Head head = request_head(pair);
  const Bytes body(3);
  Bytes memory(200);
  const std::span<uint8_t> target(memory);
  const auto too_long = number_of(Status::kHpksTooLong);
  for (size_t size = 0; size < encoded_headers_size(head); size++) {
    EXPECT_EQ(encode_headers(target.first(size), 1, head), too_long);
  }
  for (size_t size = 0; size < encoded_body_size(3); size++) {
    EXPECT_EQ(encode_body(target.first(size), 1, body), too_long);
  }
  for (size_t size = 0; size < encoded_message_size(head, 3); size++) {
    EXPECT_EQ(encode_message(target.first(size), head, body), too_long);
  }
  EXPECT_EQ(encode_end(target.first(kEncodedEndSize - 1), 1), too_long);
}

}  // namespace
}  // namespace ur::hpks
