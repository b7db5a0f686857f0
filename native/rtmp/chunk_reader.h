// Puts messages together out of chunks (RTMP 1.0, section 5.3), whatever the pieces are in which the bytes
// come. What concerns the chunks themselves (Set Chunk Size, Abort) is done here. One thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "rtmp/failure.h"

namespace ur {

// Sections 5.4 and 7.1.
namespace rtmp_type {
inline constexpr uint8_t kSetChunkSize = 1;
inline constexpr uint8_t kAbort = 2;
inline constexpr uint8_t kUserControl = 4;
inline constexpr uint8_t kWindowAckSize = 5;
inline constexpr uint8_t kAudio = 8;
inline constexpr uint8_t kVideo = 9;
inline constexpr uint8_t kDataAmf3 = 15;
inline constexpr uint8_t kCommandAmf3 = 17;
inline constexpr uint8_t kDataAmf0 = 18;
inline constexpr uint8_t kCommandAmf0 = 20;
inline constexpr uint8_t kAggregate = 22;
}  // namespace rtmp_type

struct RtmpMessage {
  uint8_t type = 0;
  uint32_t stream_id = 0;
  uint32_t timestamp = 0;  // milliseconds; it wraps
  uint8_t* data = nullptr;  // the caller's to change, until the next read()
  uint32_t size = 0;
};

class ChunkReader {
 public:
  enum class Result : uint8_t { kMore, kMessage, kFailed };

  // `max_message_bytes` bounds one message, and all that are not whole together.
  explicit ChunkReader(uint32_t max_message_bytes) : max_message_bytes_(max_message_bytes) {}

  // Reads from *at, which moves, to the end of the next message, or to `end`: kMore.
  // kFailed: kRtmpProtocol, kRtmpMessageTooLarge; then read no more.
  [[nodiscard]] Result read(uint8_t** at, uint8_t* end, RtmpMessage* message,
                            RtmpFailure* failure);

 private:
  struct Memory {
    std::unique_ptr<uint8_t[]> bytes;
    uint32_t capacity = 0;
  };
  struct Stream {
    uint32_t id = 0;
    uint32_t timestamp = 0;
    uint32_t delta = 0;  // what a chunk of type 3 that begins a message adds to it
    bool extended = false;
    uint32_t length = 0;
    uint8_t type = 0;
    uint32_t stream_id = 0;
    bool begun = false;  // it is in a message, of which `filled` bytes are in `partial`
    uint32_t filled = 0;
    Memory partial;
  };
  // Basic head, message head and extended time.
  static constexpr size_t kMaxHead = 3 + 11 + 4;

  bool take_head(uint8_t** at, uint8_t* end, RtmpFailure* failure);
  // The head's length; 0: it is not whole; -1: failed.
  int parse_head(const uint8_t* head, size_t size, RtmpFailure* failure);
  bool begin(Stream* stream, RtmpFailure* failure);
  uint8_t* take_data(uint8_t** at, uint8_t* end);
  void take_more_chunks(Stream* stream, uint8_t** at, uint8_t* end);
  bool control(const RtmpMessage& message, RtmpFailure* failure);
  Stream* find(uint32_t id);
  void drop(Stream* stream);

  uint32_t max_message_bytes_;
  uint32_t chunk_size_ = 128;
  uint32_t promised_ = 0;  // what messages that are not whole may grow to
  std::vector<std::unique_ptr<Stream>> streams_;
  Stream* current_ = nullptr;
  uint32_t left_ = 0;  // of the current chunk
  Memory done_;        // of the newest message, kept for the next one
  uint8_t head_[kMaxHead] = {};
  size_t head_size_ = 0;
};

}  // namespace ur
