#include "bench/store/line_text.h"

#include <charconv>

#include "base/core/assert.h"

namespace dragonfly::bench {
namespace {

void append_number(std::string& out, auto number) {
  char text[32];
  const auto [end, error] = std::to_chars(text, text + sizeof text, number);
  DF_ASSERT(error == std::errc{});
  out.append(text, end);
}

void append_value(std::string& out, Value value) {
  if (value.type == ValueType::kFloat64) return append_number(out, value.as_double());
  append_number(out, value.bits);
  out += 'i';
}

}  // namespace

LineText::LineText(const VmNames& names) {
  std::string tags;
  // Sorted, as InfluxDB asks for it.
  for (const auto& [key, value] : names.labels()) {
    DF_ASSERT(value.find_first_of(", =\\") == std::string::npos);
    tags += ',' + key + '=' + value;
  }
  for (uint64_t i = 0; i < kRowsPerTick; ++i) heads_[i] = std::string(group_name(kCatalogueGroups[i])) + tags;
}

void LineText::add(const TickRows& rows, std::string& out) const {
  for (uint64_t i = 0; i < kRowsPerTick; ++i) {
    out += heads_[i];
    char separator = ' ';
    for (const Metric& metric : metrics_of(rows[i].group)) {
      const auto& value = rows[i].values[metric.field];
      if (!value) continue;
      out += separator;
      separator = ',';
      out += metric.name;
      out += '=';
      append_value(out, *value);
    }
    out += ' ';
    append_number(out, unix_ms(rows[i].time));
    out += '\n';
  }
}

}  // namespace dragonfly::bench
