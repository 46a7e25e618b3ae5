#include "surface/api/live_rates.h"

#include "model/row/column_set.h"

namespace dragonfly {

namespace {

// Integers are subtracted exactly: totals of bytes pass 2^53.
double difference(Value later, Value earlier) {
  if (later.type != ValueType::kUint64) return later.as_double() - earlier.as_double();
  if (later.bits < earlier.bits) return -static_cast<double>(earlier.bits - later.bits);
  return static_cast<double>(later.bits - earlier.bits);
}

}  // namespace

std::optional<double> LiveRates::advance(Last& last, const RowEvent& row, Value value) {
  const Last before = last;
  if (before.value && row.time <= before.time) return std::nullopt;
  last = {row.time, row.boot, value};
  if (!before.value) return std::nullopt;
  const bool boots_known = row.boot != 0 && before.boot != 0;
  double increase = difference(value, *before.value);
  if (boots_known ? row.boot != before.boot : increase < 0) increase = value.as_double();  // Began at 0 again.
  if (increase < 0) return std::nullopt;
  return increase / seconds(row.time - before.time);
}

std::vector<LiveValue> LiveRates::take(const RowEvent& row) {
  std::vector<LiveValue> out;
  const auto metrics = metrics_of(row.group);
  ColumnSet one = ColumnSet::for_group(row.group);
  if (!one.append_row(row.time, row.boot, row.fields)) return out;
  if (series_.size() >= kSeriesMax) series_.clear();
  auto& lasts = series_[{row.vm->id, row.group, row.device}];
  lasts.resize(metrics.size());
  for (const Metric& metric : metrics) {
    const Column& column = one.columns[metric.field];
    if (column.present[0] == 0) continue;
    if (metric.kind == MetricKind::kGauge) {
      out.push_back({&metric, column.value(0)});
    } else if (const auto rate = advance(lasts[metric.field], row, column.value(0))) {
      out.push_back({&metric, Value::of(*rate)});
    }
  }
  return out;
}

}  // namespace dragonfly
