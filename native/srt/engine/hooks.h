// The listeners' hooks by number: libsrt keeps the number, so that a handshake which comes while a
// listener closes finds nothing instead of freed memory. Any thread.
#pragma once

#include <cstdint>
#include <memory>

namespace ur {

struct SrtHook;

uintptr_t add_srt_hook(std::shared_ptr<const SrtHook> hook);
std::shared_ptr<const SrtHook> find_srt_hook(uintptr_t number);
void remove_srt_hook(uintptr_t number);

}  // namespace ur
