#include "report.h"

#include <sys/resource.h>

#include <cinttypes>
#include <cstdio>
#include <cstdlib>

#include "options.h"

namespace ur::bench {
namespace {

const char* find_field(const std::string& line, const std::string& name) {
  const std::string key = "\"" + name + "\":";
  const size_t at = line.find(key);
  if (at == std::string::npos) fail("no field '" + name + "' in: " + line);
  return line.c_str() + at + key.size();
}

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

}  // namespace

void Report::add_raw(const std::string& name, const std::string& json) {
  if (!body_.empty()) body_ += ",";
  body_ += "\"" + name + "\":" + json;
}

void Report::add(const std::string& name, double value) {
  char text[64];
  std::snprintf(text, sizeof text, "%.9g", value);
  add_raw(name, text);
}

void Report::add(const std::string& name, uint64_t value) { add_raw(name, std::to_string(value)); }

void Report::add(const std::string& name, const std::string& value) {
  add_raw(name, "\"" + value + "\"");
}

void Report::add_hash(const std::string& name, uint64_t value) {
  char text[32];
  std::snprintf(text, sizeof text, "%016" PRIx64, value);
  add(name, std::string(text));
}

void Report::add_list(const std::string& name, const std::string& comma_separated) {
  add_raw(name, "[" + comma_separated + "]");
}

void Report::print() const {
  std::printf("{%s}\n", body_.c_str());
  std::fflush(stdout);
}

uint64_t read_field(const std::string& line, const std::string& name) {
  return std::strtoull(find_field(line, name), nullptr, 10);
}

uint64_t read_hash(const std::string& line, const std::string& name) {
  return std::strtoull(find_field(line, name) + 1, nullptr, 16);
}

double cpu_seconds() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

uint64_t voluntary_switches() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<uint64_t>(usage.ru_nvcsw);
}

}  // namespace ur::bench
