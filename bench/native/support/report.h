// One trial's result: one line of JSON on standard output, which the runner reads.
#pragma once

#include <cstdint>
#include <string>

namespace ur::bench {

class Report {
 public:
  void add(const std::string& name, double value);
  void add(const std::string& name, uint64_t value);
  void add(const std::string& name, const std::string& value);
  // 16 hexadecimal digits.
  void add_hash(const std::string& name, uint64_t value);
  // An array of numbers.
  void add_list(const std::string& name, const std::string& comma_separated);
  void print() const;

 private:
  void add_raw(const std::string& name, const std::string& json);
  std::string body_;
};

// The number after "name": in a line that a Report has printed. Ends the program when it is not there.
uint64_t read_field(const std::string& line, const std::string& name);
// The hash after "name":.
uint64_t read_hash(const std::string& line, const std::string& name);

// User and system time of this process, in seconds.
double cpu_seconds();
// Times that this process went to sleep by itself.
uint64_t voluntary_switches();

}  // namespace ur::bench
