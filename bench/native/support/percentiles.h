// Percentiles of samples, in the samples' unit.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "report.h"

namespace ur::bench {

// The smallest sample that `share` (0 .. 1) of all samples do not exceed; sorts the samples.
inline uint64_t percentile(std::vector<uint64_t>* samples, double share) {
  if (samples->empty()) return 0;
  std::sort(samples->begin(), samples->end());
  const auto rank = static_cast<size_t>(share * static_cast<double>(samples->size()));
  return (*samples)[std::min(rank, samples->size() - 1)];
}

// Adds "<name>_p50", "_p99" and "_p999".
inline void add_percentiles(Report* report, const std::string& name,
                            std::vector<uint64_t>* samples) {
  report->add(name + "_p50", percentile(samples, 0.5));
  report->add(name + "_p99", percentile(samples, 0.99));
  report->add(name + "_p999", percentile(samples, 0.999));
}

}  // namespace ur::bench
