// ur_access_units: the 30-byte heads of access units, and units over the borders of slots.
#include <algorithm>
#include <array>
#include <memory>
#include <vector>

#include "deadline.h"
#include "entry.h"
#include "handles.h"

using ur::Status;
using ur::capi::code;
using ur::capi::Deadline;

namespace {

constexpr size_t kHeadBytes = 30;
constexpr size_t kDefaultMaxBytes = 16U << 20;

uint64_t big_endian(const uint8_t* bytes, size_t count) {
  uint64_t value = 0;
  for (size_t i = 0; i < count; i++) value = value << 8 | bytes[i];
  return value;
}

}  // namespace

struct ur_access_units {
  ur_access_units(ur_reader* from, size_t most) : reader_(from), max_bytes_(most) {}

  int next(int timeout_ms, ur_access_unit* unit);

 private:
  int step(int timeout_ms, const Deadline& deadline, ur_access_unit* unit);
  int pull(int timeout_ms, const Deadline& deadline);
  size_t left() const { return slot_.length - at_; }

  ur_reader* reader_;
  size_t max_bytes_;
  ur_slot slot_ = {};  // id 0: none
  size_t at_ = 0;      // what of it has been taken
  std::array<uint8_t, kHeadBytes> head_ = {};
  size_t head_filled_ = 0;
  size_t length_ = 0;
  std::vector<uint8_t> buffer_;  // the begun unit's data, when they do not lie in one slot
  bool shown_ = false;
  int over_ = 1;  // not 1: what every further call returns
};

int ur_access_units::next(int timeout_ms, ur_access_unit* unit) {
  if (over_ != 1) return over_;
  if (shown_) {
    shown_ = false;
    head_filled_ = 0;
    buffer_.clear();
  }
  const Deadline deadline(timeout_ms);
  const int found = step(timeout_ms, deadline, unit);
  if (found == 1) shown_ = true;
  else if (found != code(Status::kEmpty)) over_ = found;
  return found;
}

// The slot before is used up: nothing of it was shown since the last call.
int ur_access_units::pull(int timeout_ms, const Deadline& deadline) {
  if (slot_.id != 0) {
    const int given = reader_->ack(slot_.id);
    slot_ = {};
    at_ = 0;
    if (given < 0) return given;
  }
  const uint64_t left_ms = (deadline.left_ns(UINT64_C(1) << 40) + 999'999) / 1'000'000;
  const int found = reader_->next(timeout_ms < 0 ? -1 : static_cast<int>(left_ms), &slot_);
  if (found != 1) slot_ = {};
  if (found != 0 || head_filled_ == 0) return found;
  return code(Status::kAccessUnitTruncated);
}

int ur_access_units::step(int timeout_ms, const Deadline& deadline, ur_access_unit* unit) {
  for (;;) {
    if (head_filled_ < kHeadBytes) {
      const size_t part = std::min(kHeadBytes - head_filled_, left());
      std::copy_n(slot_.data + at_, part, head_.data() + head_filled_);
      head_filled_ += part;
      at_ += part;
      if (head_filled_ == kHeadBytes) {
        length_ = static_cast<size_t>(big_endian(&head_[26], 4));
        if (length_ > max_bytes_) return code(Status::kAccessUnitTooLarge);
      }
    }
    if (head_filled_ == kHeadBytes) {
      const bool whole = buffer_.empty() && length_ <= left();
      const uint8_t* data = slot_.data + at_;
      if (!whole) {
        const size_t part = std::min(length_ - buffer_.size(), left());
        buffer_.reserve(length_);
        buffer_.insert(buffer_.end(), data, data + part);
        at_ += part;
        data = buffer_.data();
      } else {
        at_ += length_;
      }
      if (whole || buffer_.size() == length_) {
        *unit = {head_[0],
                 head_[1] & 1U,
                 big_endian(&head_[2], 8),
                 static_cast<int64_t>(big_endian(&head_[10], 8)),
                 static_cast<int64_t>(big_endian(&head_[18], 8)),
                 data,
                 length_,
                 whole ? slot_.id : 0,
                 uint32_t{head_[1]} >> 1};
        return 1;
      }
    }
    const int found = pull(timeout_ms, deadline);
    if (found != 1) return found;
  }
}

extern "C" {

int ur_access_units_new(ur_reader* reader, size_t max_bytes, ur_access_units** units) {
  return ur::capi::entry([&] {
    if (reader == nullptr || units == nullptr) return code(Status::kInvalidArgument);
    *units = new ur_access_units(reader, max_bytes == 0 ? kDefaultMaxBytes : max_bytes);
    return 0;
  });
}

int ur_access_units_next(ur_access_units* units, int timeout_ms, ur_access_unit* unit) {
  return ur::capi::entry([&] {
    if (units == nullptr || unit == nullptr) return code(Status::kInvalidArgument);
    return units->next(timeout_ms, unit);
  });
}

void ur_access_units_free(ur_access_units* units) { delete units; }

}  // extern "C"
