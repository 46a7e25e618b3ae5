#include "query/statistics/statistics.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/core/assert.h"
#include "model/rollup/counter.h"

namespace dragonfly {
namespace {

constexpr std::string_view kNames[] = {"avg", "min", "max", "last", "sum", "count", "p95"};

double nearest_rank(std::vector<double>& values, double share) {
  const auto rank = static_cast<size_t>(std::ceil(share * static_cast<double>(values.size())));
  const auto at = values.begin() + static_cast<ptrdiff_t>(std::max<size_t>(rank, 1) - 1);
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

// Calls use(row, value) for each row of [begin, end) in which the column has one: the gauge's, or the counter's rate.
template <class Use>
void walk_column(const ColumnSet& rows, const Column& column, MetricKind kind, size_t begin, size_t end, Use&& use) {
  CounterWalk counter(column.type);
  for (size_t row = kind == MetricKind::kCounter ? 0 : begin; row < end; ++row) {
    if (column.present[row] == 0) continue;
    const double value = column.as_double(row);
    if (!std::isfinite(value)) continue;
    if (kind == MetricKind::kGauge) {
      use(row, value);
      continue;
    }
    const auto increase = counter.next({rows.times_ns[row], rows.boots[row], column.bits[row]});
    if (increase && row >= begin) use(row, *increase / (static_cast<double>(counter.elapsed_ns()) / 1e9));
  }
}

struct RowSpan {
  size_t begin;
  size_t end;
};
RowSpan rows_in(const ColumnSet& rows, TimeRange range) {
  const auto at = [&](Timestamp time) {
    return static_cast<size_t>(std::ranges::lower_bound(rows.times_ns, unix_ns(time)) - rows.times_ns.begin());
  };
  const size_t begin = at(range.begin);
  return {begin, std::max(begin, at(range.end))};
}

void drop_empty(std::vector<Bucket>& buckets) {
  std::erase_if(buckets, [](const Bucket& bucket) {
    return std::ranges::none_of(bucket.fields, [](const auto& value) { return value.has_value(); });
  });
}

}  // namespace

std::string_view to_string(Statistic statistic) { return kNames[static_cast<size_t>(statistic)]; }

std::optional<Statistic> find_statistic(std::string_view name) {
  const auto at = std::ranges::find(kNames, name);
  if (at == std::end(kNames)) return std::nullopt;
  return static_cast<Statistic>(at - std::begin(kNames));
}

RollupParts parts_for(Statistic statistic) {
  constexpr RollupParts kNone;
  switch (statistic) {
    case Statistic::kMin: return kNone | RollupPart::kMin;
    case Statistic::kMax: return kNone | RollupPart::kMax;
    case Statistic::kLast: return kNone | RollupPart::kLast;
    case Statistic::kSum: return kNone | RollupPart::kSum;
    case Statistic::kCount: return kNone | RollupPart::kCount;
    case Statistic::kAvg: return kNone | RollupPart::kCount | RollupPart::kSum | RollupPart::kSeconds;
    case Statistic::kP95: break;
  }
  DF_ASSERT(statistic != Statistic::kP95);
  return kNone;
}

std::vector<Bucket> buckets_of(const ColumnSet& rollups, std::span<const MetricKind> kinds, Statistic statistic) {
  const RollupParts parts = parts_for(statistic);
  const auto offsets = rollup_offsets(kinds, parts);
  DF_ASSERT(offsets.back() == rollups.columns.size());
  std::vector<Bucket> out;
  out.reserve(rollups.rows());
  for (const int64_t time_ns : rollups.times_ns) out.push_back({from_unix_ns(time_ns), FieldValues(kinds.size())});
  for (size_t field = 0; field < kinds.size(); ++field) {
    const auto column = [&](RollupPart part) -> const Column& {
      return rollups.columns[offsets[field] + rollup_offset(kinds[field], part, parts).value()];
    };
    if (statistic != Statistic::kAvg) {
      const Column& value = rollups.columns[offsets[field]];
      for (size_t row = 0; row < out.size(); ++row) {
        if (value.present[row] != 0) out[row].fields[field] = value.as_double(row);
      }
      continue;
    }
    const Column& sum = column(RollupPart::kSum);
    const Column& divisor = column(kinds[field] == MetricKind::kCounter ? RollupPart::kSeconds : RollupPart::kCount);
    for (size_t row = 0; row < out.size(); ++row) {
      if (sum.present[row] != 0) out[row].fields[field] = sum.as_double(row) / divisor.as_double(row);
    }
  }
  drop_empty(out);
  return out;
}

std::vector<Bucket> bucketize(const ColumnSet& rows, std::span<const MetricKind> kinds, Statistic statistic,
                              Duration bucket, TimeRange range) {
  std::vector<MetricKind> all(kinds.begin(), kinds.end());
  all.resize(rows.columns.size(), MetricKind::kGauge);
  if (statistic != Statistic::kP95)
    return buckets_of(roll_rows(rows, all, bucket, range, parts_for(statistic)), all, statistic);
  const auto [begin, end] = rows_in(rows, range);
  std::vector<Bucket> out;
  std::vector<size_t> bucket_of;  // Of each row in range.
  bucket_of.reserve(end - begin);
  for (size_t row = begin; row < end; ++row) {
    const Timestamp time = from_unix_ns(rows.times_ns[row]);
    if (out.empty() || time - out.back().start >= bucket)
      out.push_back({floor_to(time, bucket), FieldValues(rows.columns.size())});
    bucket_of.push_back(out.size() - 1);
  }
  std::vector<std::vector<double>> values;
  for (size_t i = 0; i < rows.columns.size(); ++i) {
    values.assign(out.size(), {});
    walk_column(rows, rows.columns[i], all[i], begin, end,
                [&, first = begin](size_t row, double value) { values[bucket_of[row - first]].push_back(value); });
    for (size_t b = 0; b < out.size(); ++b) {
      if (!values[b].empty()) out[b].fields[i] = nearest_rank(values[b], 0.95);
    }
  }
  drop_empty(out);
  return out;
}

WindowValues window_statistic(const ColumnSet& rows, std::span<const MetricKind> kinds, Statistic statistic,
                              TimeRange window) {
  const auto [begin, end] = rows_in(rows, window);
  WindowValues out;
  out.fields.resize(rows.columns.size());
  if (begin == end) return out;
  out.newest = from_unix_ns(rows.times_ns[end - 1]);
  // One bucket for all times since 1970.
  const auto whole = bucketize(rows, kinds, statistic, Duration::max(), window);
  if (!whole.empty()) out.fields = whole.back().fields;
  return out;
}

std::vector<Bucket> rows_with_rates(const ColumnSet& rows, std::span<const MetricKind> kinds, TimeRange range) {
  const auto [begin, end] = rows_in(rows, range);
  std::vector<Bucket> out;
  out.reserve(end - begin);
  for (size_t row = begin; row < end; ++row)
    out.push_back({from_unix_ns(rows.times_ns[row]), FieldValues(rows.columns.size())});
  for (size_t i = 0; i < rows.columns.size(); ++i) {
    walk_column(rows, rows.columns[i], i < kinds.size() ? kinds[i] : MetricKind::kGauge, begin, end,
                [&, first = begin](size_t row, double value) { out[row - first].fields[i] = value; });
  }
  size_t row = begin;
  std::erase_if(out, [&](const Bucket&) {
    const size_t at = row++;
    return std::ranges::none_of(rows.columns, [at](const Column& column) { return column.present[at] != 0; });
  });
  return out;
}

void Across::add(double value, Statistic statistic) {
  min_ = count_ == 0 ? value : std::min(min_, value);
  max_ = count_ == 0 ? value : std::max(max_, value);
  sum_ += value;
  ++count_;
  if (statistic == Statistic::kP95) values_.push_back(value);
}

std::optional<double> Across::result(Statistic statistic) const {
  if (count_ == 0) return std::nullopt;
  switch (statistic) {
    case Statistic::kMin: return min_;
    case Statistic::kMax: return max_;
    case Statistic::kSum: return sum_;
    case Statistic::kCount: return static_cast<double>(count_);
    case Statistic::kP95: {
      std::vector<double> values = values_;
      return nearest_rank(values, 0.95);
    }
    case Statistic::kAvg:
    case Statistic::kLast: break;
  }
  return sum_ / static_cast<double>(count_);
}

std::optional<double> across(std::span<const double> values, Statistic statistic) {
  Across all;
  for (const double value : values) all.add(value, statistic);
  return all.result(statistic);
}

Statistic statistic_within(Statistic across_vms) {
  switch (across_vms) {
    case Statistic::kMin:
    case Statistic::kMax:
    case Statistic::kLast: return across_vms;
    default: return Statistic::kAvg;
  }
}

}  // namespace dragonfly
