#include "base/core/time.h"

#include <charconv>
#include <cmath>
#include <cstring>

namespace dragonfly {
namespace {

// Reads exactly `width` digits at `text`'s front and drops them; -1 where there are none.
int take_digits(std::string_view& text, size_t width) {
  if (text.size() < width) return -1;
  int value = 0;
  for (size_t i = 0; i < width; ++i) {
    if (text[i] < '0' || text[i] > '9') return -1;
    value = value * 10 + (text[i] - '0');
  }
  text.remove_prefix(width);
  return value;
}

bool take(std::string_view& text, char expected) {
  if (text.empty() || text.front() != expected) return false;
  text.remove_prefix(1);
  return true;
}

// Up to nine digits after the dot, in ns; -1 where there is none.
int64_t take_fraction(std::string_view& text) {
  int64_t ns = 0;
  int64_t unit = 100'000'000;
  size_t digits = 0;
  while (!text.empty() && text.front() >= '0' && text.front() <= '9' && digits < 9) {
    ns += (text.front() - '0') * unit;
    unit /= 10;
    ++digits;
    text.remove_prefix(1);
  }
  return digits == 0 ? -1 : ns;
}

}  // namespace

std::string format_rfc3339(Timestamp time) {
  using namespace std::chrono;
  const auto day = floor<days>(time);
  const year_month_day date(day);
  const int64_t ns = (time - day).count();
  const int64_t second = ns / 1'000'000'000;
  const int64_t fraction = ns % 1'000'000'000;
  std::string out = fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", static_cast<int>(date.year()),
                                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), second / 3600,
                                second / 60 % 60, second % 60);
  if (fraction == 0) return out + 'Z';
  if (fraction % 1'000'000 == 0) return out + fmt::format(".{:03}Z", fraction / 1'000'000);
  if (fraction % 1'000 == 0) return out + fmt::format(".{:06}Z", fraction / 1'000);
  return out + fmt::format(".{:09}Z", fraction);
}

Result<Timestamp> parse_rfc3339(std::string_view text) {
  using namespace std::chrono;
  const std::string_view whole = text;
  const auto wrong = [&] {
    return fail(ErrorCode::kInvalidArgument, "'{}' is not a time; write it like 2026-01-31T12:00:00Z",
                whole.substr(0, 64));
  };
  const int y = take_digits(text, 4);
  if (y < 0 || !take(text, '-')) return wrong();
  const int mo = take_digits(text, 2);
  if (mo < 0 || !take(text, '-')) return wrong();
  const int d = take_digits(text, 2);
  if (d < 0 || !(take(text, 'T') || take(text, 't') || take(text, ' '))) return wrong();
  const int h = take_digits(text, 2);
  if (h < 0 || !take(text, ':')) return wrong();
  const int mi = take_digits(text, 2);
  if (mi < 0 || !take(text, ':')) return wrong();
  const int s = take_digits(text, 2);
  if (s < 0) return wrong();
  int64_t fraction = 0;
  if (take(text, '.') && (fraction = take_fraction(text)) < 0) return wrong();
  int offset_minutes = 0;
  if (!take(text, 'Z') && !take(text, 'z')) {
    const int sign = take(text, '+') ? 1 : take(text, '-') ? -1 : 0;
    const int oh = sign == 0 ? -1 : take_digits(text, 2);
    if (oh < 0 || oh > 23 || !take(text, ':')) return wrong();
    const int om = take_digits(text, 2);
    if (om < 0 || om > 59) return wrong();
    offset_minutes = sign * (oh * 60 + om);
  }
  const year_month_day date{year(y), month(static_cast<unsigned>(mo)), day(static_cast<unsigned>(d))};
  if (!text.empty() || !date.ok() || y < 1678 || y > 2261 || h > 23 || mi > 59 || s > 60) return wrong();
  return Timestamp(sys_days(date)) + hours(h) + minutes(mi - offset_minutes) + std::chrono::seconds(s) +
         Duration(fraction);
}

Result<Duration> parse_duration(std::string_view text) {
  double number = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  const std::string_view unit(end, static_cast<size_t>(text.data() + text.size() - end));
  double factor = 0;
  if (unit == "ms") factor = 1e6;
  if (unit == "s") factor = 1e9;
  if (unit == "m") factor = 60e9;
  if (unit == "h") factor = 3600e9;
  if (unit == "d") factor = 86400e9;
  if (ec != std::errc() || factor == 0 || !(number > 0) || number * factor > 9e18) {
    return fail(ErrorCode::kInvalidArgument,
                "'{}' is not a duration; write a positive number and ms, s, m, h or d, like 10s", text.substr(0, 64));
  }
  return Duration(static_cast<int64_t>(std::llround(number * factor)));
}

std::string format_duration(Duration duration) {
  const int64_t ns = duration.count();
  const auto whole = [&](int64_t unit) { return ns % unit == 0; };
  if (ns == 0) return "0s";
  if (whole(86'400'000'000'000)) return fmt::format("{}d", ns / 86'400'000'000'000);
  if (whole(3'600'000'000'000)) return fmt::format("{}h", ns / 3'600'000'000'000);
  if (whole(60'000'000'000)) return fmt::format("{}m", ns / 60'000'000'000);
  if (whole(1'000'000'000)) return fmt::format("{}s", ns / 1'000'000'000);
  return fmt::format("{}ms", static_cast<double>(ns) / 1e6);
}

}  // namespace dragonfly
