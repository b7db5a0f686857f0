// NativeSrt of src/native/srt.ts: the SRT engine for JavaScript. JS thread only, but for the wake.
#pragma once

#include <napi.h>

namespace ur::node {

// Adds the class `NativeSrt` to the exports; only where libsrt is linked in.
void define_srt(Napi::Env env, Napi::Object exports);

}  // namespace ur::node
