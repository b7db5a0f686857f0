#include "options.h"

#include <cstdio>
#include <cstdlib>

namespace ur::bench {

void fail(const std::string& message) {
  std::fprintf(stderr, "%s\n", message.c_str());
  std::exit(1);
}

Options::Options(int argc, char** argv) {
  for (int i = 1; i < argc; i++) {
    const std::string given = argv[i];
    const size_t equals = given.find('=');
    if (given.rfind("--", 0) != 0 || equals == std::string::npos) {
      fail("not an option of the form --name=value: " + given);
    }
    values_[given.substr(2, equals - 2)] = {given.substr(equals + 1), false};
  }
}

void Options::check_all_known() const {
  for (const auto& [name, value] : values_) {
    if (!value.known) fail("unknown option --" + name);
  }
}

std::string Options::text(const std::string& name, const std::string& fallback) {
  const auto found = values_.find(name);
  if (found == values_.end()) return fallback;
  found->second.known = true;
  return found->second.text;
}

uint64_t Options::number(const std::string& name, uint64_t fallback) {
  const std::string given = text(name, "");
  if (given.empty()) return fallback;
  char* end = nullptr;
  const uint64_t value = std::strtoull(given.c_str(), &end, 10);
  if (*end != '\0') fail("--" + name + " is not a number: " + given);
  return value;
}

}  // namespace ur::bench
