#include "segment_object.h"

namespace ur::node {
namespace {

bool wrong(Napi::Env env, const char* key, const char* type) {
  throw_status(env, Status::kInvalidArgument, std::string(key) + " must be " + type);
  return false;
}

bool read(const Napi::Object& object, const char* key, uint32_t* out) {
  const Napi::Value value = field(object, key);
  if (!value.IsNumber()) return wrong(object.Env(), key, "a number");
  const double given = value.As<Napi::Number>().DoubleValue();
  if (!(given >= 0 && given <= 4294967295.0)) return wrong(object.Env(), key, "in 0 .. 2^32-1");
  *out = static_cast<uint32_t>(given);
  return true;
}

bool read(const Napi::Object& object, const char* key, std::string* out) {
  const Napi::Value value = field(object, key);
  if (!value.IsString()) return wrong(object.Env(), key, "a string");
  *out = value.As<Napi::String>().Utf8Value();
  return true;
}

bool read(const Napi::Object& object, const char* key, std::vector<std::string>* out) {
  const Napi::Value value = field(object, key);
  if (!value.IsArray()) return wrong(object.Env(), key, "an array of strings");
  Napi::Array list = value.As<Napi::Array>();
  for (uint32_t i = 0; i < list.Length(); i++) {
    const Napi::Value item = field(list, i);
    if (!item.IsString()) return wrong(object.Env(), key, "an array of strings");
    out->push_back(item.As<Napi::String>().Utf8Value());
  }
  return true;
}

bool read_pool(const Napi::Object& object, PoolConfig* pool) {
  return read(object, "name", &pool->name) && read(object, "streams", &pool->streams) &&
         read(object, "slotSize", &pool->slot_size) &&
         read(object, "requestSlots", &pool->request_slots) &&
         read(object, "responseSlots", &pool->response_slots) &&
         read(object, "stageSlots", &pool->stage_slots) &&
         read(object, "readersPerLane", &pool->readers_per_lane) &&
         read(object, "stages", &pool->stages);
}

}  // namespace

bool read_segment_config(const Napi::Object& options, SegmentConfig* config) {
  const Napi::Value pools = field(options, "pools");
  if (!pools.IsArray()) return wrong(options.Env(), "pools", "an array");
  const Napi::Array list = pools.As<Napi::Array>();
  for (uint32_t i = 0; i < list.Length(); i++) {
    const Napi::Value item = field(list, i);
    if (!item.IsObject()) return wrong(options.Env(), "pools", "an array of objects");
    config->pools.emplace_back();
    if (!read_pool(item.As<Napi::Object>(), &config->pools.back())) return false;
  }
  std::string memory;
  if (!read(options, "maxWorkers", &config->max_workers) ||
      !read(options, "requiredObservers", &config->observers) ||
      !read(options, "memory", &memory) || !read(options, "warmStreams", &config->warm_streams)) {
    return false;
  }
  if (memory != "fixed" && memory != "elastic") {
    return wrong(options.Env(), "memory", "'fixed' or 'elastic'");
  }
  config->elastic = memory == "elastic";
  config->resumable = is_true(field(options, "resumable"));
  return true;
}

bool read_session_options(const Napi::Object& options, SessionOptions* session) {
  return read(options, "socket", &session->socket) && read(options, "name", &session->name) &&
         read(options, "role", &session->role) && read(options, "observer", &session->observer) &&
         read(options, "capacity", &session->capacity);
}

}  // namespace ur::node
