// Raw rows to rollups: each field's values (of a counter: its rows' rates) are first laid side by side, so that what is
// taken of a period is taken of a plain run of doubles.
#include <algorithm>
#include <bit>
#include <cmath>

#include "base/core/assert.h"
#include "model/rollup/counter.h"
#include "model/rollup/periods.h"
#include "model/rollup/rollup.h"

namespace dragonfly {
namespace {

using rollup_internal::FieldColumns;
using rollup_internal::Period;

// The values of one field, period after period.
struct Run {
  std::vector<double> values;     // Gauges; of a counter the rates.
  std::vector<double> increases;  // Counters only, as seconds.
  std::vector<double> seconds;
  std::vector<size_t> ends;  // Of each period, in the vectors above.

  void clear() {
    values.clear();
    increases.clear();
    seconds.clear();
    ends.clear();
  }
};

void lay_out_gauge(const Column& column, std::span<const Period> periods, Run& run) {
  run.clear();
  for (const Period& period : periods) {
    for (size_t row = period.begin; row < period.end; ++row) {
      if (column.present[row] == 0) continue;
      const double value = column.as_double(row);
      if (std::isfinite(value)) run.values.push_back(value);
    }
    run.ends.push_back(run.values.size());
  }
}

void lay_out_counter(const ColumnSet& rows, const Column& column, std::span<const Period> periods, Run& run) {
  run.clear();
  CounterWalk walk(column.type);
  size_t row = 0;
  for (const Period& period : periods) {
    for (; row < period.end; ++row) {  // Those before the first period tell what the counter was.
      if (column.present[row] == 0 || !std::isfinite(column.as_double(row))) continue;
      const auto increase = walk.next({rows.times_ns[row], rows.boots[row], column.bits[row]});
      if (!increase || row < period.begin) continue;
      const double elapsed_s = static_cast<double>(walk.elapsed_ns()) / rollup_internal::kNanos;
      run.values.push_back(*increase / elapsed_s);
      run.increases.push_back(*increase);
      run.seconds.push_back(elapsed_s);
    }
    run.ends.push_back(run.values.size());
  }
}

// Puts f(begin, end) of each period that has values into the column.
template <class F>
void put(Column* column, const Run& run, F&& f) {
  if (column == nullptr) return;
  size_t begin = 0;
  for (size_t i = 0; i < run.ends.size(); ++i) {
    const size_t end = run.ends[i];
    if (begin == end) continue;
    column->bits[i] = f(begin, end);
    column->present[i] = 1;
    begin = end;
  }
}

uint64_t bits_of(double value) { return std::bit_cast<uint64_t>(value); }

void sum_up(const Run& run, MetricKind kind, bool whole_numbers, const FieldColumns& out) {
  const auto sum = [&](const std::vector<double>& values, double scale) {
    return [&values, scale, whole_numbers](size_t begin, size_t end) {
      const auto span = std::span(values).subspan(begin, end - begin);
      return bits_of(whole_numbers && scale == rollup_internal::kHundredths ? rollup_internal::compensated_sum(span)
                                                                            : rollup_internal::exact_sum(span, scale));
    };
  };
  const bool counter = kind == MetricKind::kCounter;
  put(out.count, run, [](size_t begin, size_t end) { return static_cast<uint64_t>(end - begin); });
  put(out.sum, run, sum(counter ? run.increases : run.values, rollup_internal::kHundredths));
  put(out.seconds, run, sum(run.seconds, rollup_internal::kNanos));
  put(out.min, run, [&](size_t begin, size_t end) {
    double least = run.values[begin];
    for (size_t i = begin + 1; i < end; ++i) least = std::min(least, run.values[i]);
    return bits_of(least);
  });
  put(out.max, run, [&](size_t begin, size_t end) {
    double most = run.values[begin];
    for (size_t i = begin + 1; i < end; ++i) most = std::max(most, run.values[i]);
    return bits_of(most);
  });
  put(out.last, run, [&](size_t, size_t end) { return bits_of(run.values[end - 1]); });
}

}  // namespace

ColumnSet roll_rows(const ColumnSet& rows, std::span<const MetricKind> kinds, Duration period, TimeRange range,
                    RollupParts parts) {
  DF_ASSERT(kinds.size() == rows.columns.size());
  const auto periods = rollup_internal::split(rows.times_ns, period, range);
  ColumnSet out = rollup_internal::empty_rollups(kinds, parts, periods);
  const auto offsets = rollup_offsets(kinds, parts);
  Run run;
  for (size_t field = 0; field < kinds.size(); ++field) {
    const Column& column = rows.columns[field];
    if (kinds[field] == MetricKind::kCounter)
      lay_out_counter(rows, column, periods, run);
    else
      lay_out_gauge(column, periods, run);
    sum_up(run, kinds[field], column.type != ValueType::kFloat64,
           FieldColumns(out, offsets[field], kinds[field], parts));
  }
  rollup_internal::drop_empty_rows(out, offsets);
  return out;
}

}  // namespace dragonfly
