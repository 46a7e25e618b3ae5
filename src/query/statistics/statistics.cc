#include "query/statistics/statistics.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/core/assert.h"
#include "model/rollup/counter.h"

namespace dragonfly {
namespace {

constexpr std::string_view kNames[] = {"avg", "min", "max", "last", "sum", "count", "p95"};

// What one row gives for one field.
struct Sample {
  double value = 0;     // The gauge's value, or the counter's rate.
  double increase = 0;  // Counters only, as seconds.
  double seconds = 0;
};

double nearest_rank(std::vector<double>& values, double share) {
  const auto rank = static_cast<size_t>(std::ceil(share * static_cast<double>(values.size())));
  const auto at = values.begin() + static_cast<ptrdiff_t>(std::max<size_t>(rank, 1) - 1);
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

class Accumulator {
 public:
  void add(const Sample& sample, bool keep_values) {
    min_ = count_ == 0 ? sample.value : std::min(min_, sample.value);
    max_ = count_ == 0 ? sample.value : std::max(max_, sample.value);
    last_ = sample.value;
    sum_ += sample.value;
    increase_ += sample.increase;
    seconds_ += sample.seconds;
    ++count_;
    if (keep_values) values_.push_back(sample.value);
  }
  std::optional<double> result(Statistic statistic, MetricKind kind) {
    if (count_ == 0) return std::nullopt;
    const bool counter = kind == MetricKind::kCounter;
    switch (statistic) {
      case Statistic::kAvg: return counter ? increase_ / seconds_ : sum_ / static_cast<double>(count_);
      case Statistic::kMin: return min_;
      case Statistic::kMax: return max_;
      case Statistic::kLast: return last_;
      case Statistic::kSum: return counter ? increase_ : sum_;
      case Statistic::kCount: return static_cast<double>(count_);
      case Statistic::kP95: return nearest_rank(values_, 0.95);
    }
    return std::nullopt;
  }

 private:
  size_t count_ = 0;
  double min_ = 0;
  double max_ = 0;
  double last_ = 0;
  double sum_ = 0;
  double increase_ = 0;
  double seconds_ = 0;
  std::vector<double> values_;
};

// Calls use(row, sample) for each row of [begin, end) in which the column has a sample.
template <class Use>
void walk_column(const ColumnSet& rows, const Column& column, MetricKind kind, size_t begin, size_t end, Use&& use) {
  CounterWalk counter(column.type);
  for (size_t row = kind == MetricKind::kCounter ? 0 : begin; row < end; ++row) {
    if (column.present[row] == 0) continue;
    const double value = column.as_double(row);
    if (!std::isfinite(value)) continue;
    if (kind == MetricKind::kGauge) {
      use(row, Sample{value, 0, 0});
      continue;
    }
    const auto increase = counter.next({rows.times_ns[row], rows.boots[row], column.bits[row]});
    if (!increase || row < begin) continue;
    const double elapsed_s = static_cast<double>(counter.elapsed_ns()) / 1e9;
    DF_ASSERT(elapsed_s > 0);
    use(row, Sample{*increase / elapsed_s, *increase, elapsed_s});
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

MetricKind kind_at(std::span<const MetricKind> kinds, size_t column) {
  return column < kinds.size() ? kinds[column] : MetricKind::kGauge;
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

std::vector<Bucket> bucketize(const ColumnSet& rows, std::span<const MetricKind> kinds, Statistic statistic,
                              Duration bucket, TimeRange range) {
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
  std::vector<Accumulator> accumulators;
  for (size_t i = 0; i < rows.columns.size(); ++i) {
    const MetricKind kind = kind_at(kinds, i);
    accumulators.assign(out.size(), {});
    walk_column(rows, rows.columns[i], kind, begin, end, [&, first = begin](size_t row, const Sample& sample) {
      accumulators[bucket_of[row - first]].add(sample, statistic == Statistic::kP95);
    });
    for (size_t b = 0; b < out.size(); ++b) out[b].fields[i] = accumulators[b].result(statistic, kind);
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
  for (size_t i = 0; i < rows.columns.size(); ++i) {
    const MetricKind kind = kind_at(kinds, i);
    Accumulator accumulator;
    walk_column(rows, rows.columns[i], kind, begin, end,
                [&](size_t, const Sample& sample) { accumulator.add(sample, statistic == Statistic::kP95); });
    out.fields[i] = accumulator.result(statistic, kind);
  }
  return out;
}

std::vector<Bucket> rows_with_rates(const ColumnSet& rows, std::span<const MetricKind> kinds, TimeRange range) {
  const auto [begin, end] = rows_in(rows, range);
  std::vector<Bucket> out;
  out.reserve(end - begin);
  for (size_t row = begin; row < end; ++row)
    out.push_back({from_unix_ns(rows.times_ns[row]), FieldValues(rows.columns.size())});
  for (size_t i = 0; i < rows.columns.size(); ++i) {
    walk_column(rows, rows.columns[i], kind_at(kinds, i), begin, end,
                [&, first = begin](size_t row, const Sample& sample) { out[row - first].fields[i] = sample.value; });
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
