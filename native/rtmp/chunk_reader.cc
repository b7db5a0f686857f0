#include "rtmp/chunk_reader.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "rtmp/wire.h"

namespace ur {
namespace {

// Encoders use four or so.
constexpr size_t kMaxChunkStreams = 64;
constexpr uint32_t kExtended = 0xFFFFFF;
constexpr size_t kMessageHead[] = {11, 7, 3, 0};

bool broken(RtmpFailure* failure, std::string detail) {
  return failure->set(Status::kRtmpProtocol, std::move(detail));
}

uint32_t chunk_stream_id(const uint8_t* head, size_t basic) {
  if (basic == 1) return head[0] & 63U;
  return 64 + head[1] + (basic == 3 ? uint32_t{head[2]} << 8 : 0);
}

}  // namespace

ChunkReader::Result ChunkReader::read(uint8_t** at, uint8_t* end, RtmpMessage* message,
                                      RtmpFailure* failure) {
  for (;;) {
    if (current_ == nullptr) {
      if (*at == end) return Result::kMore;
      if (!take_head(at, end, failure)) return Result::kFailed;
      if (current_ == nullptr) return Result::kMore;
    }
    Stream* const stream = current_;
    uint8_t* const whole = take_data(at, end);
    if (whole == nullptr) {
      if (current_ != nullptr) return Result::kMore;
      continue;
    }
    *message = {stream->type, stream->stream_id, stream->timestamp, whole, stream->length};
    if (message->type > rtmp_type::kAbort) return Result::kMessage;
    if (!control(*message, failure)) return Result::kFailed;
  }
}

bool ChunkReader::take_head(uint8_t** at, uint8_t* end, RtmpFailure* failure) {
  const size_t before = head_size_;
  const size_t rest = static_cast<size_t>(end - *at);
  const uint8_t* head = *at;
  size_t size = std::min(rest, kMaxHead);
  if (before > 0) {
    const size_t more = std::min(rest, kMaxHead - before);
    std::memcpy(head_ + before, *at, more);
    head = head_;
    size = before + more;
  }
  const int used = parse_head(head, size, failure);
  if (used < 0) return false;
  if (used == 0) {
    if (before == 0) std::memcpy(head_, *at, size);
    head_size_ = size;
    *at += size - before;
    return true;
  }
  head_size_ = 0;
  *at += static_cast<size_t>(used) - before;
  return true;
}

int ChunkReader::parse_head(const uint8_t* head, size_t size, RtmpFailure* failure) {
  const uint8_t low = head[0] & 63;
  const size_t basic = low == 0 ? 2 : low == 1 ? 3 : 1;
  const uint8_t format = head[0] >> 6;
  size_t length = basic + kMessageHead[format];
  if (size < length) return 0;
  const uint32_t id = chunk_stream_id(head, basic);
  Stream* stream = find(id);
  if (stream == nullptr && format != 0) {
    broken(failure, "chunk stream " + std::to_string(id) + " begins without a full head");
    return -1;
  }
  uint32_t time = format < 3 ? read_u24(head + basic) : 0;
  const bool extended = format < 3 ? time == kExtended : stream->extended;
  if (extended) length += 4;
  if (size < length) return 0;
  if (stream == nullptr) {
    if (streams_.size() == kMaxChunkStreams) {
      broken(failure, "it has too many chunk streams");
      return -1;
    }
    streams_.push_back(std::make_unique<Stream>());
    stream = streams_.back().get();
    stream->id = id;
  }
  if (stream->begun && format != 3) {
    broken(failure, "a message begins inside of another one");
    return -1;
  }
  if (format < 3) {
    stream->extended = extended;
    // A chunk of type 3 repeats it, even if it was the time itself: section 5.3.1.2.4.
    stream->delta = extended ? read_u32(head + length - 4) : time;
  }
  if (format < 2) {
    stream->length = read_u24(head + basic + 3);
    stream->type = head[basic + 6];
  }
  if (format == 0) {
    stream->stream_id = read_u32_little(head + basic + 7);
    stream->timestamp = 0;
  }
  if (!stream->begun && !begin(stream, failure)) return -1;
  current_ = stream;
  left_ = std::min(chunk_size_, stream->length - stream->filled);
  return static_cast<int>(length);
}

bool ChunkReader::begin(Stream* stream, RtmpFailure* failure) {
  if (stream->length > max_message_bytes_ - promised_) {
    return failure->set(Status::kRtmpMessageTooLarge, std::to_string(stream->length) + " bytes");
  }
  stream->timestamp += stream->delta;
  promised_ += stream->length;
  stream->filled = 0;
  stream->begun = true;
  return true;
}

// The whole message, or nullptr: `current_` is still there where the chunk goes on.
uint8_t* ChunkReader::take_data(uint8_t** at, uint8_t* end) {
  Stream* const stream = current_;
  const uint32_t count =
      static_cast<uint32_t>(std::min<size_t>(left_, static_cast<size_t>(end - *at)));
  if (count == 0 && stream->length > 0) return nullptr;
  uint8_t* whole = *at;
  *at += count;
  left_ -= count;
  if (left_ == 0) current_ = nullptr;
  if (stream->filled > 0 || count < stream->length) {
    Memory& partial = stream->partial;
    if (partial.bytes == nullptr) {
      if (done_.capacity >= stream->length) {
        partial = std::move(done_);
      } else {
        partial = {std::make_unique_for_overwrite<uint8_t[]>(stream->length), stream->length};
      }
      done_ = {};
    }
    std::memcpy(partial.bytes.get() + stream->filled, whole, count);
    stream->filled += count;
    if (left_ == 0) take_more_chunks(stream, at, end);
    if (stream->filled < stream->length) return nullptr;
    done_ = std::move(partial);
    partial = {};
    whole = done_.bytes.get();
  }
  drop(stream);
  return whole;
}

// The chunks that follow as most clients send them: of the same stream, with a head of one byte. With chunks
// of 128 bytes, reading each head by itself would take most of the time.
void ChunkReader::take_more_chunks(Stream* stream, uint8_t** at, uint8_t* end) {
  if (stream->extended || stream->id > 63) return;
  const uint8_t head = static_cast<uint8_t>(0xC0 | stream->id);
  while (left_ == 0 && stream->filled < stream->length && *at != end && **at == head) {
    ++*at;
    const uint32_t whole = std::min(chunk_size_, stream->length - stream->filled);
    const uint32_t count =
        static_cast<uint32_t>(std::min<size_t>(whole, static_cast<size_t>(end - *at)));
    std::memcpy(stream->partial.bytes.get() + stream->filled, *at, count);
    *at += count;
    stream->filled += count;
    left_ = whole - count;
    if (left_ > 0) current_ = stream;
  }
}

void ChunkReader::drop(Stream* stream) {
  if (!stream->begun) return;
  promised_ -= stream->length;
  stream->begun = false;
  stream->filled = 0;
  stream->partial = {};
}

bool ChunkReader::control(const RtmpMessage& message, RtmpFailure* failure) {
  if (message.type == rtmp_type::kSetChunkSize) {
    const uint32_t size = message.size >= 4 ? read_u32(message.data) : 0;
    if (size < 1 || size > 0x7FFFFFFF) {
      return broken(failure, "a chunk size of " + std::to_string(size));
    }
    chunk_size_ = size;
  } else if (message.type == rtmp_type::kAbort) {
    if (message.size < 4) return broken(failure, "an abort without its chunk stream");
    Stream* const stream = find(read_u32(message.data));
    if (stream != nullptr) drop(stream);
  }
  return true;
}

ChunkReader::Stream* ChunkReader::find(uint32_t id) {
  for (const auto& stream : streams_) {
    if (stream->id == id) return stream.get();
  }
  return nullptr;
}

}  // namespace ur
