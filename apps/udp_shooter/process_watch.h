// ProcessWatch: CPU and memory of another process, from /proc.
//
// Units      seconds of CPU, user and system; bytes.
// Ownership  none.
// Threading  one thread.
// Errors     nullopt where there is no such process (any more), or this machine has no /proc.
// Limits     none.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace dragonfly {

struct ProcessUse {
  double cpu_s = 0;
  uint64_t rss_bytes = 0;
};

class ProcessWatch {
 public:
  explicit ProcessWatch(int pid) : pid_(pid) {}
  std::optional<ProcessUse> read() const;

 private:
  int pid_;
};

// Of the text of /proc/PID/stat.
std::optional<ProcessUse> parse_process_stat(std::string_view stat, long ticks_per_s, long page_bytes);

}  // namespace dragonfly
