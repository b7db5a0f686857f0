#include "machine.h"

#include <unistd.h>

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <string>

namespace ur {
namespace {

#if defined(__linux__)

// The first number in a file; false when it has none ("max").
bool read_number(const std::string& path, uint64_t* value) {
  FILE* file = std::fopen(path.c_str(), "re");
  if (file == nullptr) return false;
  bool found = std::fscanf(file, "%" SCNu64, value) == 1;
  std::fclose(file);
  return found;
}

uint64_t meminfo(const char* key) {
  FILE* file = std::fopen("/proc/meminfo", "re");
  if (file == nullptr) return 0;
  char line[256];
  uint64_t kib = 0;
  while (std::fgets(line, sizeof line, file) != nullptr) {
    if (std::strncmp(line, key, std::strlen(key)) == 0) {
      std::sscanf(line + std::strlen(key), "%" SCNu64, &kib);
      break;
    }
  }
  std::fclose(file);
  return kib * 1024;
}

// Page cache that the kernel drops before it kills: "key N" lines of a group's memory.stat.
uint64_t reclaimable(const std::string& folder) {
  FILE* file = std::fopen((folder + "/memory.stat").c_str(), "re");
  if (file == nullptr) return 0;
  char key[64];
  uint64_t value = 0;
  uint64_t bytes = 0;
  while (std::fscanf(file, "%63s %" SCNu64, key, &value) == 2) {
    if (std::strcmp(key, "inactive_file") == 0) bytes = value;
  }
  std::fclose(file);
  return bytes;
}

// Path of this process's group in the unified hierarchy ("0::/path").
std::string cgroup_path() {
  FILE* file = std::fopen("/proc/self/cgroup", "re");
  if (file == nullptr) return "";
  char line[4096];
  std::string path;
  while (std::fgets(line, sizeof line, file) != nullptr) {
    if (std::strncmp(line, "0::", 3) == 0) {
      path.assign(line + 3, std::strcspn(line + 3, "\n"));
      break;
    }
  }
  std::fclose(file);
  return path;
}

void read_cgroup(MachineMemory* memory) {
  const std::string root = "/sys/fs/cgroup";
  // Every ancestor's limit counts; the tightest remaining room wins.
  for (std::string path = cgroup_path();; path.resize(path.find_last_of('/'))) {
    uint64_t limit = 0;
    uint64_t used = 0;
    const std::string folder = root + (path == "/" ? "" : path);
    if (read_number(folder + "/memory.max", &limit) &&
        read_number(folder + "/memory.current", &used)) {
      used -= std::min(used, reclaimable(folder));
      uint64_t room = limit > used ? limit - used : 0;
      uint64_t best = memory->cgroup_limit > memory->cgroup_used
                          ? memory->cgroup_limit - memory->cgroup_used
                          : 0;
      if (memory->cgroup_limit == UINT64_MAX || room < best) {
        memory->cgroup_limit = limit;
        memory->cgroup_used = used;
      }
    }
    if (path.find_last_of('/') == std::string::npos) break;
  }
  uint64_t limit = 0;
  uint64_t used = 0;
  if (memory->cgroup_limit == UINT64_MAX &&
      read_number(root + "/memory/memory.limit_in_bytes", &limit) && limit < (1ULL << 60) &&
      read_number(root + "/memory/memory.usage_in_bytes", &used)) {
    memory->cgroup_limit = limit;
    memory->cgroup_used = used;
  }
}

size_t cache_bytes(int name) {
  long bytes = sysconf(name);
  return bytes > 0 ? static_cast<size_t>(bytes) : 0;
}

#endif

}  // namespace

#if defined(__linux__)

MachineMemory machine_memory() {
  MachineMemory memory;
  memory.total = meminfo("MemTotal:");
  memory.available = meminfo("MemAvailable:");
  read_cgroup(&memory);
  return memory;
}

size_t machine_l2_bytes() { return cache_bytes(_SC_LEVEL2_CACHE_SIZE); }
size_t machine_l3_bytes() { return cache_bytes(_SC_LEVEL3_CACHE_SIZE); }

#else

MachineMemory machine_memory() {
  MachineMemory memory;
  memory.total = static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES)) *
                 static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  memory.available = memory.total;
  return memory;
}

size_t machine_l2_bytes() { return 0; }
size_t machine_l3_bytes() { return 0; }

#endif

}  // namespace ur
