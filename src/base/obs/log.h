// Log lines to standard error: "2026-01-31T12:00:00.250Z INFO  receiver: text".
//
// Units      none.
// Ownership  none.
// Threading  any thread; a line is one write().
// Errors     none: a line that cannot be written is dropped.
// Limits     RateLimit: one line an interval for each place; what it holds back is counted and told with the next line.
#pragma once

#include <fmt/core.h>

#include <atomic>
#include <string_view>

#include "base/core/time.h"
#include "base/rt/clock.h"

namespace dragonfly {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

void set_log_level(LogLevel level);
bool log_enabled(LogLevel level);
void log_line(LogLevel level, std::string_view module, std::string_view text);

template <class... Args>
void log_debug(std::string_view module, fmt::format_string<Args...> format, Args&&... args) {
  if (log_enabled(LogLevel::kDebug))
    log_line(LogLevel::kDebug, module, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_info(std::string_view module, fmt::format_string<Args...> format, Args&&... args) {
  if (log_enabled(LogLevel::kInfo)) log_line(LogLevel::kInfo, module, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_warning(std::string_view module, fmt::format_string<Args...> format, Args&&... args) {
  if (log_enabled(LogLevel::kWarning))
    log_line(LogLevel::kWarning, module, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_error(std::string_view module, fmt::format_string<Args...> format, Args&&... args) {
  log_line(LogLevel::kError, module, fmt::format(format, std::forward<Args>(args)...));
}

// One per place that could log once per datagram.
class RateLimit {
 public:
  explicit RateLimit(Duration interval) : interval_(interval) {}
  // True when a line is due; `held_back` is then how many were not written since the last.
  bool allow(MonotonicTime now, uint64_t& held_back) {
    int64_t next = next_ns_.load(std::memory_order_relaxed);
    const int64_t at = now.time_since_epoch().count();
    if (at < next || !next_ns_.compare_exchange_strong(next, at + interval_.count(), std::memory_order_relaxed)) {
      held_back_.fetch_add(1, std::memory_order_relaxed);
      return false;
    }
    held_back = held_back_.exchange(0, std::memory_order_relaxed);
    return true;
  }

 private:
  const Duration interval_;
  std::atomic<int64_t> next_ns_{0};
  std::atomic<uint64_t> held_back_{0};
};

}  // namespace dragonfly
