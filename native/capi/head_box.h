// A head as upload_response.h shows it, in memory of its own; and the way back. Pure; any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/segment.h"
#include "hpks/hpks.h"
#include "upload_response.h"

namespace ur::capi {

class HeadBox {
 public:
  // Decodes one headers frame of `kind`. An HPKS status.
  [[nodiscard]] Status decode(std::span<const uint8_t> frame, hpks::Kind kind);
  const ur_head* head() const { return filled_ ? &head_ : nullptr; }

 private:
  ur_head head_ = {};
  std::vector<ur_header> headers_;
  std::unique_ptr<char[]> text_;
  bool filled_ = false;
};

// What a slot holds, copied so that nobody can change it any more. kEmpty, kLapped, kStaleStream.
[[nodiscard]] Status copy_frame(const LaneRef& lane, uint64_t slot, std::vector<uint8_t>* out,
                                uint32_t* flags);

// The frame of a response head, or of trailers. kInvalidArgument for a NULL, kSlotTooLarge, or an HPKS
// status.
[[nodiscard]] Status encode_head(uint64_t stream_id, uint32_t http_version, int status,
                                 const ur_header* headers, size_t count, size_t most_bytes,
                                 std::vector<uint8_t>* out);

}  // namespace ur::capi
