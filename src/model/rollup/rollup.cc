#include "model/rollup/rollup.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "base/core/assert.h"
#include "model/rollup/periods.h"

namespace dragonfly {
namespace rollup_internal {
namespace {

constexpr double kWholeMax = 0x1p53;  // Below it every whole number is a double.

RollupParts parts_of(MetricKind kind, RollupParts parts) {
  if (kind == MetricKind::kCounter) return parts;
  return {static_cast<uint8_t>(parts.bits & ~static_cast<uint8_t>(RollupPart::kSeconds))};
}

}  // namespace

std::vector<Period> split(std::span<const int64_t> times_ns, Duration period, TimeRange range) {
  DF_ASSERT(period > Duration::zero());
  std::vector<Period> out;
  const auto at = [&](Timestamp time) {
    return static_cast<size_t>(std::ranges::lower_bound(times_ns, unix_ns(time)) - times_ns.begin());
  };
  const size_t end = at(range.end);
  for (size_t row = at(range.begin); row < end; ++row) {
    // Unsigned: two times may be further apart than a Duration reaches.
    const auto into = [&] { return static_cast<uint64_t>(times_ns[row]) - static_cast<uint64_t>(out.back().start_ns); };
    if (out.empty() || into() >= static_cast<uint64_t>(period.count()))
      out.push_back({unix_ns(floor_to(from_unix_ns(times_ns[row]), period)), row, row});
    out.back().end = row + 1;
  }
  return out;
}

double compensated_sum(std::span<const double> values) {
  double sum = 0;
  double lost = 0;  // What the additions rounded away.
  for (const double value : values) {
    const double next = sum + value;
    lost += std::fabs(sum) >= std::fabs(value) ? (sum - next) + value : (value - next) + sum;
    sum = next;
  }
  return std::isfinite(sum) ? sum + lost : sum;
}

double exact_sum(std::span<const double> values, double scale) {
  int64_t total = 0;
  for (const double value : values) {
    const double scaled = value * scale;
    if (!(std::fabs(scaled) < kWholeMax)) return compensated_sum(values);
    const auto whole = static_cast<int64_t>(scaled + std::copysign(0.5, scaled));
    if (static_cast<double>(whole) / scale != value) return compensated_sum(values);
    if (__builtin_add_overflow(total, whole, &total)) return compensated_sum(values);
  }
  return static_cast<double>(total) / scale;
}

FieldColumns::FieldColumns(ColumnSet& rollups, size_t first, MetricKind kind, RollupParts parts)
    : all(std::span(rollups.columns).subspan(first, rollup_width(kind, parts))) {
  const auto find = [&](RollupPart part) {
    const auto offset = rollup_offset(kind, part, parts);
    return offset ? &all[*offset] : nullptr;
  };
  count = find(RollupPart::kCount);
  sum = find(RollupPart::kSum);
  seconds = find(RollupPart::kSeconds);
  min = find(RollupPart::kMin);
  max = find(RollupPart::kMax);
  last = find(RollupPart::kLast);
}

ColumnSet empty_rollups(std::span<const MetricKind> kinds, RollupParts parts, std::span<const Period> periods) {
  ColumnSet out = rollup_columns(kinds, parts);
  out.times_ns.reserve(periods.size());
  for (const Period& period : periods) out.times_ns.push_back(period.start_ns);
  out.boots.resize(periods.size());
  for (Column& column : out.columns) {
    column.bits.resize(periods.size());
    column.present.resize(periods.size());
  }
  return out;
}

void drop_empty_rows(ColumnSet& rollups, std::span<const size_t> offsets) {
  std::vector<uint8_t> used(rollups.rows());
  for (size_t field = 0; field + 1 < offsets.size(); ++field) {
    if (offsets[field] == offsets[field + 1]) continue;  // No part of this kind is wanted.
    const Column& column = rollups.columns[offsets[field]];
    for (size_t row = 0; row < used.size(); ++row) used[row] |= column.present[row];
  }
  if (std::ranges::find(used, uint8_t{0}) == used.end()) return;
  const auto compact = [&](auto& values) {
    size_t to = 0;
    for (size_t row = 0; row < used.size(); ++row) {
      if (used[row] != 0) values[to++] = values[row];
    }
    values.resize(to);
  };
  compact(rollups.times_ns);
  compact(rollups.boots);
  for (Column& column : rollups.columns) {
    compact(column.bits);
    compact(column.present);
  }
}

}  // namespace rollup_internal

Timestamp floor_to(Timestamp time, Duration step) {
  DF_ASSERT(step > Duration::zero());
  const int64_t rest = unix_ns(time) % step.count();
  return time - Duration(rest < 0 ? rest + step.count() : rest);
}

std::vector<MetricKind> kinds_of(GroupId group, size_t columns) {
  std::vector<MetricKind> out(columns, MetricKind::kGauge);
  for (const Metric& metric : metrics_of(group)) {
    if (metric.field < columns) out[metric.field] = metric.kind;
  }
  return out;
}

std::vector<MetricKind> kinds_of(GroupId group, std::span<const uint16_t> fields) {
  const auto metrics = metrics_of(group);
  std::vector<MetricKind> out;
  out.reserve(fields.size());
  for (const uint16_t field : fields) out.push_back(field < metrics.size() ? metrics[field].kind : MetricKind::kGauge);
  return out;
}

size_t rollup_width(MetricKind kind, RollupParts parts) {
  return static_cast<size_t>(std::popcount(rollup_internal::parts_of(kind, parts).bits));
}

std::vector<size_t> rollup_offsets(std::span<const MetricKind> kinds, RollupParts parts) {
  std::vector<size_t> out{0};
  out.reserve(kinds.size() + 1);
  for (const MetricKind kind : kinds) out.push_back(out.back() + rollup_width(kind, parts));
  return out;
}

std::optional<size_t> rollup_offset(MetricKind kind, RollupPart part, RollupParts parts) {
  const RollupParts own = rollup_internal::parts_of(kind, parts);
  if (!own.has(part)) return std::nullopt;
  const auto before = static_cast<uint8_t>(own.bits & (static_cast<uint8_t>(part) - 1));
  return static_cast<size_t>(std::popcount(before));
}

ColumnSet rollup_columns(std::span<const MetricKind> kinds, RollupParts parts) {
  ColumnSet out;
  for (const MetricKind kind : kinds) {
    const size_t first = out.columns.size();
    out.columns.resize(first + rollup_width(kind, parts));  // All float64 …
    if (const auto count = rollup_offset(kind, RollupPart::kCount, parts))
      out.columns[first + *count].type = ValueType::kUint64;  // … but this.
  }
  return out;
}

}  // namespace dragonfly
