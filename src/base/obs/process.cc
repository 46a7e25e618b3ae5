#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>

#include "base/obs/metrics.h"

namespace dragonfly {

void write_process_metrics(MetricsText& text) {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto in_seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  text.family("process_cpu_seconds_total", "counter", "User and system CPU time of this process.");
  text.sample(in_seconds(usage.ru_utime) + in_seconds(usage.ru_stime));
  unsigned long pages = 0;
  unsigned long resident = 0;
  if (FILE* file = std::fopen("/proc/self/statm", "re")) {
    if (std::fscanf(file, "%lu %lu", &pages, &resident) != 2) resident = 0;
    std::fclose(file);
  }
  text.gauge("process_resident_memory_bytes", "Resident memory of this process.",
             static_cast<double>(resident) * static_cast<double>(sysconf(_SC_PAGESIZE)));
  size_t descriptors = 0;
  std::error_code ignored;
  for (auto at = std::filesystem::directory_iterator("/proc/self/fd", ignored);
       !ignored && at != std::filesystem::end(at); at.increment(ignored)) {
    ++descriptors;
  }
  text.gauge("process_open_fds", "Open file descriptors.", static_cast<double>(descriptors));
}

}  // namespace dragonfly
