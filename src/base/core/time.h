// Time: wall time is data, monotonic time measures durations. Both come from base/rt's Clock; here are only the
// types and their text forms.
//
// Units      Timestamp = Unix time, UTC, in ns (range: years 1678 to 2262). Duration in ns.
// Ownership  values.
// Threading  pure functions.
// Errors     parsing returns kInvalidArgument with what is allowed.
// Limits     format_rfc3339 covers the years 1678 to 2262.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/core/result.h"

namespace dragonfly {

using Duration = std::chrono::nanoseconds;
using Timestamp = std::chrono::sys_time<Duration>;
using MonotonicTime = std::chrono::time_point<std::chrono::steady_clock, Duration>;
using std::chrono_literals::operator""s;
using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""h;
using std::chrono_literals::operator""min;

constexpr Timestamp from_unix_ms(int64_t ms) { return Timestamp(std::chrono::milliseconds(ms)); }
constexpr Timestamp from_unix_ns(int64_t ns) { return Timestamp(Duration(ns)); }
constexpr int64_t unix_ns(Timestamp time) { return time.time_since_epoch().count(); }
// Rounds towards minus infinity.
constexpr int64_t unix_ms(Timestamp time) {
  return std::chrono::floor<std::chrono::milliseconds>(time).time_since_epoch().count();
}
constexpr double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

// [begin, end)
struct TimeRange {
  Timestamp begin;
  Timestamp end;
  bool contains(Timestamp time) const { return begin <= time && time < end; }
};

// "2019-11-15T07:30:00Z"; with milliseconds ("…00.250Z") only where they are not zero, then down to ns likewise.
std::string format_rfc3339(Timestamp time);

// RFC 3339 with any offset ("2019-11-15T16:30:00+09:00"), fractions of up to 9 digits.
Result<Timestamp> parse_rfc3339(std::string_view text);

// A positive number with a unit: ms, s, m, h, d ("2s", "500ms", "1.5h"). kInvalidArgument names the text.
Result<Duration> parse_duration(std::string_view text);
std::string format_duration(Duration duration);

}  // namespace dragonfly
