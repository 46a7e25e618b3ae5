// LoadReport: what a load did, for whoever started it.
//
// Units      seconds.
// Ownership  a value.
// Threading  one thread.
// Errors     none.
// Limits     none.
#pragma once

#include <cstdint>
#include <string>

namespace dragonfly::bench {

struct LoadReport {
  uint64_t rows = 0;  // Acknowledged.
  uint64_t samples = 0;
  uint64_t requests = 0;  // Posts, or frames, without those that went again.
  uint64_t again = 0;     // What went once more because it was refused for now, or not acknowledged in time.
  uint64_t refused = 0;   // Rows that the server refused for good.
  uint64_t bytes = 0;     // Of bodies or datagrams.
  double seconds = 0;
  double cpu_s = 0;  // Of the load itself.

  std::string to_json() const;
};

// User and system, of this process.
double process_cpu_seconds();

}  // namespace dragonfly::bench
