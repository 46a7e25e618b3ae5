#include "bench/store/load_report.h"

#include <sys/resource.h>

#include "base/core/json_writer.h"

namespace dragonfly::bench {

std::string LoadReport::to_json() const {
  std::string out;
  JsonWriter json(out);
  json.begin_object().field("rows", rows).field("samples", samples).field("requests", requests).field("again", again);
  json.field("refused", refused).field("bytes", bytes).field("seconds", seconds).field("cpu_s", cpu_s).end_object();
  return out + '\n';
}

double process_cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto in_seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return in_seconds(usage.ru_utime) + in_seconds(usage.ru_stime);
}

}  // namespace dragonfly::bench
