// Everything that a server does with its segment, in an order that numbers decide; for segments whose
// words somebody else scribbles on. No result is right or wrong here; it must only come back.
#pragma once

#include <cstdint>
#include <vector>

#include "core/ingress.h"
#include "core/lane_reader.h"
#include "core/lane_writer.h"

namespace ur::test {

class ServerSide {
 public:
  explicit ServerSide(Segment* segment);

  // One operation, on one of the streams that are open.
  void act(uint32_t operation, uint32_t argument);
  static constexpr uint32_t kOperations = 21;

  // A view that tail() gave pointed outside its slot, or was longer.
  bool saw_wrong_view() const { return wrong_view_; }
  // How many slots were published and read.
  uint64_t slots() const { return slots_; }

 private:
  struct Open {
    uint64_t id = 0;
    LaneRef request, response;
    LaneWriter writer;
    LaneReader hold, answer;
  };

  void open(uint32_t pool);
  void write(Open& stream, uint32_t argument);
  void read(Open& stream, uint32_t argument);
  void look(Open& stream, uint32_t argument);
  void close(uint32_t index);
  void answer(Open& stream, uint32_t argument);

  Segment* segment_;
  Ingress ingress_;
  std::vector<Open> streams_;
  bool wrong_view_ = false;
  uint64_t slots_ = 0;
};

}  // namespace ur::test
