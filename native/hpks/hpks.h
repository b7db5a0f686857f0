// HPKS (streaming frames) and HPK1 (whole messages): docs/hpks.md is the format, and
// src/protocols/hpks the same codec in TypeScript; test/fixtures/hpks-vectors.txt holds both to it.
//
// Pure functions over the caller's memory: any thread, no state, no allocation, no exceptions. What a
// decoder yields are views of its input, valid for as long as the input is. If another process can
// write the input, every access stays inside it all the same, but what was validated may have changed
// by the time it is used: decode a copy.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <span>
#include <string_view>

#include "core/status.gen.h"

namespace ur::hpks {

inline constexpr size_t kMaxHeaders = 8192;  // part of the format
// No server is known to accept longer fields; a head in one slot of the default size fits.
inline constexpr size_t kDefaultMaxFieldBytes = 64 * 1024;
// Far above a slot (2 MiB at most), so that it bounds memory and nothing else.
inline constexpr size_t kDefaultMaxFrameBytes = 16 * 1024 * 1024;
// Holds the fields of fixed size of every frame: only lengths and counts can pass the limit.
inline constexpr size_t kMinFrameLimit = 32;

enum class FrameType : uint8_t { kHeaders = 1, kBody = 2, kEnd = 3 };
enum class Kind : uint8_t { kRequest = 1, kResponse = 2 };
enum class HttpVersion : uint8_t { kHttp1 = 1, kHttp2 = 2, kHttp3 = 3 };

/// What a decoder accepts. What is larger is kHpksTooLong as soon as its length is known.
struct Limits {
  size_t max_field_bytes = kDefaultMaxFieldBytes;  // method, scheme, authority, path, name, value
  size_t max_frame_bytes = kDefaultMaxFrameBytes;  // body included; at least kMinFrameLimit
};

struct Header {
  std::string_view name;
  std::string_view value;
};

/// Headers in order, duplicates kept: a view of the caller's array or of decoded bytes.
class HeaderList {
 public:
  class Iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = Header;
    using difference_type = std::ptrdiff_t;
    using pointer = const Header*;
    using reference = const Header&;

    Iterator() = default;
    const Header& operator*() const { return current_; }
    const Header* operator->() const { return &current_; }
    Iterator& operator++();
    Iterator operator++(int);
    bool operator==(const Iterator& other) const { return left_ == other.left_; }

   private:
    friend class HeaderList;
    void load();

    const Header* array_ = nullptr;
    std::span<const uint8_t> wire_;
    size_t left_ = 0;  // headers from the current one on; 0 is the end
    Header current_;
  };

  HeaderList() = default;
  /// For encoders.
  HeaderList(std::span<const Header> headers) : array_(headers.data()), count_(headers.size()) {}
  /// `wire` are the encoded headers behind their count. Iteration ends early where they are torn.
  HeaderList(std::span<const uint8_t> wire, size_t count) : wire_(wire), count_(count) {}

  size_t size() const { return count_; }
  bool empty() const { return count_ == 0; }
  Iterator begin() const;
  Iterator end() const { return {}; }

 private:
  const Header* array_ = nullptr;
  std::span<const uint8_t> wire_;
  size_t count_ = 0;
};

/// The head of a request or a response. Strings are bytes, in no particular encoding.
struct Head {
  Kind kind = Kind::kRequest;
  HttpVersion version = HttpVersion::kHttp1;
  uint16_t status = 0;         // of a response: 100..999
  std::string_view method;     // of a request: a token (RFC 9110 section 9.1)
  std::string_view scheme;     // RFC 3986 section 3.1; empty is absent
  std::string_view authority;  // RFC 3986 section 3.2; empty is absent
  std::string_view path;       // path and query; an empty one is decoded as "/"
  HeaderList headers;
};

struct Frame {
  FrameType type = FrameType::kEnd;
  uint64_t stream_id = 0;
  Head head;                      // of a headers frame
  std::span<const uint8_t> data;  // of a body frame
};

struct Message {
  Head head;
  std::span<const uint8_t> body;
};

/// What a decoder answers: an error, or a frame of `consumed` bytes, or that the input is a prefix.
struct Result {
  Status status = Status::kOk;
  bool need_more = false;
  size_t consumed = 0;

  /// For callers whose input is all there is: a prefix is kHpksTruncated.
  Status complete() const {
    return status == Status::kOk && need_more ? Status::kHpksTruncated : status;
  }
};

/// Decodes the HPKS frame that `input` begins with; `*frame` is valid only if the whole of it was
/// there. Malformed bytes are an error as soon as they are there, in a prefix too.
/// Fails with an HPKS status, or kInvalidArgument for the limits.
[[nodiscard]] Result decode_frame(std::span<const uint8_t> input, Frame* frame,
                                  const Limits& limits = {});

/// Decodes the HPK1 message that `input` begins with, in the same way.
[[nodiscard]] Result decode_message(std::span<const uint8_t> input, Message* message,
                                    const Limits& limits = {});

/// The bytes that the encoders below write.
size_t encoded_headers_size(const Head& head);
size_t encoded_body_size(size_t data_bytes);
size_t encoded_message_size(const Head& head, size_t body_bytes);
inline constexpr size_t kEncodedEndSize = 15;

/// Encoders write to the start of `target` and return the size, or a negative ur::Status: the HPKS
/// status that the decoder would give, or kHpksTooLong if `target` is too small. After a failure the
/// content of `target` is undefined. They set no limit to lengths.
[[nodiscard]] int64_t encode_headers(std::span<uint8_t> target, uint64_t stream_id,
                                     const Head& head);
[[nodiscard]] int64_t encode_body(std::span<uint8_t> target, uint64_t stream_id,
                                  std::span<const uint8_t> data);
[[nodiscard]] int64_t encode_end(std::span<uint8_t> target, uint64_t stream_id);
[[nodiscard]] int64_t encode_message(std::span<uint8_t> target, const Head& head,
                                     std::span<const uint8_t> body);

}  // namespace ur::hpks
