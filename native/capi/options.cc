#include "options.h"

#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "control/protocol.h"
#include "core/lane_reader.h"
#include "entry.h"
#include "socket_path.h"

namespace ur::capi {
namespace {

constexpr uint32_t kDefaultCapacity = 16;
constexpr size_t kMaxStructBytes = 4096;  // far above any version of a struct of options

int wrong(const std::string& detail) {
  set_detail(detail);
  return code(Status::kInvalidArgument);
}

// The fields that the caller's struct has; the others are their defaults.
ur_worker_options fields_of(const ur_worker_options& given) {
  ur_worker_options options = {};
  std::memcpy(&options, &given, given.size < sizeof options ? given.size : sizeof options);
  return options;
}

std::string text_of(const char* text) { return text == nullptr ? "" : text; }

std::string name_of(const ur_worker_options& options) {
  if (options.name != nullptr) return options.name;
  const char* name = std::getenv("UR_WORKER_NAME");
  if (name != nullptr && *name != '\0') return name;
  return "worker-" + std::to_string(getpid());
}

// A newer program asks for something that this library does not know.
bool asks_for_more(const ur_worker_options& given) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(&given);
  return given.size > sizeof given &&
         std::any_of(bytes + sizeof given, bytes + given.size, [](uint8_t byte) { return byte != 0; });
}

}  // namespace

int read_options(const ur_worker_options& given, Options* out) {
  if (given.size < offsetof(ur_worker_options, transport)) return wrong("size is not set");
  if (given.size > kMaxStructBytes) return wrong("size is not a size");
  if (asks_for_more(given)) {
    set_detail("an option is newer than the library");
    return code(Status::kUnsupported);
  }
  const ur_worker_options options = fields_of(given);
  constexpr uint32_t kRoles = UR_ROLE_RESPONDER | UR_ROLE_OBSERVER;
  if ((options.role & ~kRoles) != 0) return wrong("role is not one of UR_ROLE_...");
  constexpr uint32_t kStarts = UR_WORKER_FROM_KEYFRAME | UR_WORKER_FROM_NEWEST;
  const uint32_t start = options.flags & kStarts;
  if (start == kStarts) return wrong("flags name two starts");
  if ((options.flags & ~(UR_WORKER_VERIFY | kStarts)) != 0) return wrong("flags has an unknown bit");
  if (options.reserved != 0) return wrong("reserved is not 0");
  if (options.capacity > kMaxCapacity) return wrong("capacity is above 65536");
  if (options.path_count > 0 && options.paths == nullptr) return wrong("paths is NULL");
  out->socket = options.socket == nullptr ? default_socket() : options.socket;
  out->name = name_of(options);
  out->role = options.role == 0 ? UR_ROLE_RESPONDER : options.role;
  out->observer = text_of(options.observer);
  if (!out->observer.empty() && !out->observes()) return wrong("observer is set, the role is not");
  if (out->observer.size() >= kNameBytes) return wrong("observer has more than 31 bytes");
  if (start != 0 && !out->observer.empty()) return wrong("a required observer reads from the start");
  out->from = start == UR_WORKER_FROM_KEYFRAME ? LaneReader::kFromKeyframe
              : start != 0                     ? LaneReader::kFromNewest
                                               : 0;
  out->capacity = options.capacity != 0 ? options.capacity
                  : out->observes()     ? kMaxCapacity
                                        : kDefaultCapacity;
  out->verify = (options.flags & UR_WORKER_VERIFY) != 0;
  out->transport = text_of(options.transport);
  out->stage = text_of(options.stage);
  out->any_path = options.paths == nullptr;
  for (size_t i = 0; i < options.path_count; i++) {
    if (options.paths[i] == nullptr) return wrong("a path is NULL");
    out->paths.emplace_back(options.paths[i]);
  }
  out->accept = options.accept;
  out->context = options.context;
  std::string detail;
  const Status status = check_socket_path(out->socket, &detail);
  set_detail(detail);
  return code(status);
}

}  // namespace ur::capi
