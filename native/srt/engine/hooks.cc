#include "srt/engine/hooks.h"

#include <mutex>
#include <unordered_map>
#include <utility>

namespace ur {
namespace {

struct Table {
  std::mutex mutex;
  std::unordered_map<uintptr_t, std::shared_ptr<const SrtHook>> hooks;
  uintptr_t last = 0;
};

// Never freed: libsrt's threads may outlive static objects.
Table& table() {
  static auto* const one = new Table;
  return *one;
}

}  // namespace

uintptr_t add_srt_hook(std::shared_ptr<const SrtHook> hook) {
  const std::lock_guard lock(table().mutex);
  const uintptr_t number = ++table().last;
  table().hooks.emplace(number, std::move(hook));
  return number;
}

std::shared_ptr<const SrtHook> find_srt_hook(uintptr_t number) {
  const std::lock_guard lock(table().mutex);
  const auto found = table().hooks.find(number);
  return found == table().hooks.end() ? nullptr : found->second;
}

void remove_srt_hook(uintptr_t number) {
  const std::lock_guard lock(table().mutex);
  table().hooks.erase(number);
}

}  // namespace ur
