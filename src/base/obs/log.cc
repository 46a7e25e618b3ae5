#include "base/obs/log.h"

#include <unistd.h>

namespace dragonfly {
namespace {
std::atomic<LogLevel> threshold{LogLevel::kInfo};
constexpr std::string_view kNames[] = {"DEBUG", "INFO ", "WARN ", "ERROR"};
}  // namespace

void set_log_level(LogLevel level) { threshold = level; }
bool log_enabled(LogLevel level) { return level >= threshold.load(std::memory_order_relaxed); }

void log_line(LogLevel level, std::string_view module, std::string_view text) {
  const Timestamp now = std::chrono::floor<std::chrono::milliseconds>(SystemClock().wall());
  const std::string line =
      fmt::format("{} {} {}: {}\n", format_rfc3339(now), kNames[static_cast<size_t>(level)], module, text);
  [[maybe_unused]] const auto written = write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace dragonfly
