// TrackCounts of src/native.
#pragma once

#include <napi.h>

#include "attachment.h"
#include "core/clock.h"
#include "feed/track_counts.h"

namespace ur::node {

inline Napi::Object track_counts(Napi::Env env, const TrackCounts& counts) {
  const uint64_t now = monotonic_ns();
  const auto age_ms = [env, now](uint64_t then_ns) -> Napi::Value {
    if (then_ns == 0) return env.Undefined();
    return Napi::Number::New(env, static_cast<double>(now - then_ns) / 1e6);
  };
  Napi::Object object = Napi::Object::New(env);
  object.Set("units", number(env, counts.units));
  object.Set("bytes", number(env, counts.bytes));
  object.Set("keyframes", number(env, counts.keyframes));
  object.Set("dtsMs", number(env, counts.dts_ms));
  object.Set("silentMs", age_ms(counts.newest_ns));
  object.Set("keyframeAgeMs", age_ms(counts.keyframe_ns));
  return object;
}

}  // namespace ur::node
