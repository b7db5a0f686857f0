// The ingress's side of streams: opening, announcing, aborting, closing, reclaiming. One thread of each
// ingress process; a stream belongs to the one that opened it. What workers do with a stream is in
// lane_*.h, claim.h, verdict.h.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "segment.h"

namespace ur {

class Ingress {
 public:
  explicit Ingress(Segment* segment);

  // Opens a stream in a pool. kNoFreeStream; kOutOfMemory (elastic memory, nothing is left behind).
  [[nodiscard]] Status open(uint32_t pool, const std::string& transport, uint64_t* stream_id);
  // Tells every waiting observer and the least busy waiting responder.
  void announce(uint64_t stream_id);
  // Tells every waiting observer and responder.
  void announce_all(uint64_t stream_id);
  // Every handle on the stream answers with `reason` from now on.
  [[nodiscard]] Status abort(uint64_t stream_id, Status reason);
  // Makes every handle stale. kStaleStream when it is closed already.
  [[nodiscard]] Status close(uint64_t stream_id);
  // Frees the place of a closed stream once nobody holds anything: kOk, or kFull while somebody does.
  [[nodiscard]] Status reclaim(uint64_t stream_id);
  // Takes the reader places of `worker` on the lane away; returns how many.
  uint32_t evict(const LaneRef& lane, uint32_t worker);

 private:
  enum class Place { kTaken, kBusy, kNotFree };
  [[nodiscard]] Place take_place(uint32_t stream, uint64_t* generation);
  void give_place_back(uint32_t stream);
  void find_places(uint32_t pool);
  [[nodiscard]] Status open_known(uint32_t pool, uint32_t* stream, uint64_t* generation);
  void prepare(uint32_t stream, uint64_t generation, uint32_t pool, const std::string& transport);
  [[nodiscard]] Status warm_up(uint32_t stream);
  void cool_down(uint32_t stream);
  bool is_held(uint32_t stream) const;
  void ring_stream(uint32_t stream);

  Segment* segment_;
  // Per pool; taken from the end, where the warm ones are. With several ingress processes only places to
  // try: others take them, and give back others.
  std::vector<std::vector<uint32_t>> free_;
  std::vector<uint8_t> warm_;                // per stream: its slots have memory
  std::vector<uint32_t> warm_free_;          // per pool: closed streams with memory
  uint32_t turn_ = 0;
};

// Ids of open streams whose head can be read; a responder's own look for work takes `unclaimed_only`.
std::vector<uint64_t> list_streams(const Segment& segment, bool unclaimed_only);
// A responder's way to hand an announcement on to the others.
void pass_on(const Segment& segment, uint64_t stream_id);
// Subscribes this process to announcements, or ends that.
void wait_for_streams(const Segment& segment, uint32_t role, bool on);
// True while no slot of the lane has been overwritten or is about to be.
bool is_whole(const LaneRef& lane);

}  // namespace ur
