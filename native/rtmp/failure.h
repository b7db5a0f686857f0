// What is wrong with what a publisher sent.
#pragma once

#include <string>
#include <utility>

#include "core/status.gen.h"

namespace ur {

struct RtmpFailure {
  Status status = Status::kOk;
  std::string detail;

  // False, so that a parser can return it.
  bool set(Status what, std::string why) {
    status = what;
    detail = std::move(why);
    return false;
  }
};

}  // namespace ur
