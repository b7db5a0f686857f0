// The command line of a benchmark program: --name=value. A value that is missing has a default; a name
// that nobody asked for ends the program.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace ur::bench {

class Options {
 public:
  Options(int argc, char** argv);
  // Ends the program when an option was given that none of the calls below has asked for.
  void check_all_known() const;

  uint64_t number(const std::string& name, uint64_t fallback);
  std::string text(const std::string& name, const std::string& fallback);

 private:
  struct Value {
    std::string text;
    bool known = false;
  };
  std::map<std::string, Value> values_;
};

// Prints to standard error and exits with 1.
[[noreturn]] void fail(const std::string& message);

}  // namespace ur::bench
