// Any bytes as chunks: what comes out is the same in one piece and in pieces of the size that the first
// byte says, and no message is larger than allowed.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "rtmp/chunk_reader.h"

namespace {

constexpr uint32_t kMaxMessage = 4096;

void require(bool holds) {
  if (!holds) std::abort();
}

// The messages, and the failure at the end if there is one.
std::vector<std::string> read_all(const uint8_t* data, size_t size, size_t step) {
  std::vector<std::string> seen;
  ur::ChunkReader reader(kMaxMessage);
  for (size_t from = 0; from < size; from += step) {
    std::vector<uint8_t> piece(data + from, data + std::min(size, from + step));
    uint8_t* at = piece.data();
    uint8_t* const end = at + piece.size();
    for (;;) {
      ur::RtmpMessage message;
      ur::RtmpFailure failure;
      const ur::ChunkReader::Result result = reader.read(&at, end, &message, &failure);
      if (result == ur::ChunkReader::Result::kMore) break;
      if (result == ur::ChunkReader::Result::kFailed) {
        require(failure.status != ur::Status::kOk && !failure.detail.empty());
        seen.push_back(failure.detail);
        return seen;
      }
      require(message.size <= kMaxMessage);
      std::string text = std::to_string(message.type) + ' ' + std::to_string(message.stream_id) +
                         ' ' + std::to_string(message.timestamp) + ' ';
      text.append(reinterpret_cast<const char*>(message.data), message.size);
      seen.push_back(std::move(text));
      // It is the caller's to change.
      std::fill(message.data, message.data + message.size, uint8_t{0xA5});
    }
    require(at == end);
  }
  return seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const size_t step = 1 + data[0] % 40;
  require(read_all(data + 1, size - 1, size) == read_all(data + 1, size - 1, step));
  return 0;
}
