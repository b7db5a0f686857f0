// The segment of docs/segment-format.md, section 14: small enough to be printed.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "core/segment.h"
#include "test/support/format_page.h"

namespace ur {

class TinySegment {
 public:
  TinySegment();
  /// The offsets that the page lists, by its words.
  std::map<std::string, uint64_t> places() const;
  /// One request and its answer in pool `a`, as the page tells it.
  void answer_one_request();
  /// What is shown of that stream.
  Ranges first_stream_ranges() const;
  /// A copy of the segment without what differs from run to run.
  Bytes bytes() const;

 private:
  std::unique_ptr<Segment> segment_;
};

}  // namespace ur
