#include "surface/cli/reading.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace dragonfly {
namespace {

struct ShortUnit {
  std::string_view unit;
  std::string_view shown;
};
constexpr ShortUnit kShort[] = {{"percent", "%"},       {"seconds", "s"},      {"megahertz", "MHz"},
                                {"milliseconds", "ms"}, {"operations", "ops"}, {"packets", "pkts"},
                                {"errors", "errs"},     {"count", ""}};
constexpr std::array<std::string_view, 6> kBytes = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};

}  // namespace

std::string short_number(double value) {
  if (!std::isfinite(value)) return "-";
  if (std::fabs(value) >= 1e15) return fmt::format("{:.3g}", value);
  std::string text = fmt::format("{:.{}f}", value, std::fabs(value) >= 1000 ? 0 : std::fabs(value) >= 100 ? 1 : 2);
  if (text.find('.') != std::string::npos) {
    text.erase(text.find_last_not_of('0') + 1);
    if (text.back() == '.') text.pop_back();
  }
  return text == "-0" ? "0" : text;
}

Reading readable(double value, std::string_view unit) {
  const bool rate = unit.ends_with("/s");
  const std::string_view base = rate ? unit.substr(0, unit.size() - 2) : unit;
  const std::string suffix = rate ? "/s" : "";
  if (base == "bytes" || base == "kilobytes") {
    double scaled = base == "bytes" ? value : value * 1024;
    size_t step = 0;
    while (std::fabs(scaled) >= 1023.5 && step + 1 < kBytes.size()) {  // What would be shown as 1024.
      scaled /= 1024;
      ++step;
    }
    return {short_number(scaled), std::string(kBytes[step]) + suffix};
  }
  const auto* const known =
      std::find_if(std::begin(kShort), std::end(kShort), [&](const ShortUnit& s) { return s.unit == base; });
  return {short_number(value), std::string(known == std::end(kShort) ? base : known->shown) + suffix};
}

std::string answer_unit(const Metric* metric) {
  if (metric == nullptr) return {};
  return std::string(metric->unit) + (metric->kind == MetricKind::kCounter ? "/s" : "");
}

std::string sparkline(const std::vector<std::optional<double>>& values) {
  static constexpr std::string_view kLevels[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  const auto shown = [](const std::optional<double>& value) { return value && std::isfinite(*value); };
  double low = INFINITY;
  double high = -INFINITY;
  for (const auto& value : values) {
    if (!shown(value)) continue;
    low = std::min(low, *value);
    high = std::max(high, *value);
  }
  const double half_range = high / 2 - low / 2;  // The whole one may be more than a double holds.
  std::string out;
  for (const auto& value : values) {
    if (!shown(value)) {
      out += ' ';
      continue;
    }
    const double share = half_range > 0 ? (*value / 2 - low / 2) / half_range : 0;
    out += kLevels[std::min<size_t>(7, static_cast<size_t>(share * 8))];
  }
  return out;
}

}  // namespace dragonfly
