// Rollups to coarser rollups, sub-column by sub-column.
#include <algorithm>
#include <bit>

#include "base/core/assert.h"
#include "model/rollup/periods.h"
#include "model/rollup/rollup.h"

namespace dragonfly {
namespace {

using rollup_internal::FieldColumns;
using rollup_internal::Period;

// Puts f(values) of each period that has values into the column; `values`: room for them.
template <class F>
void fold(const Column& from, Column* to, std::span<const Period> periods, std::vector<double>& values, F&& f) {
  for (size_t i = 0; i < periods.size(); ++i) {
    values.clear();
    for (size_t row = periods[i].begin; row < periods[i].end; ++row) {
      if (from.present[row] != 0) values.push_back(std::bit_cast<double>(from.bits[row]));
    }
    if (values.empty()) continue;
    to->bits[i] = std::bit_cast<uint64_t>(f(std::span<const double>(values)));
    to->present[i] = 1;
  }
}

void fold_counts(const Column& from, Column* to, std::span<const Period> periods) {
  for (size_t i = 0; i < periods.size(); ++i) {
    for (size_t row = periods[i].begin; row < periods[i].end; ++row) {
      to->bits[i] += from.bits[row];  // 0 where absent.
      to->present[i] |= from.present[row];
    }
  }
}

}  // namespace

ColumnSet roll_rollups(const ColumnSet& finer, std::span<const MetricKind> kinds, Duration period, TimeRange range,
                       RollupParts parts) {
  const auto offsets = rollup_offsets(kinds, parts);
  DF_ASSERT(finer.columns.size() == offsets.back());
  const auto periods = rollup_internal::split(finer.times_ns, period, range);
  ColumnSet out = rollup_internal::empty_rollups(kinds, parts, periods);
  std::vector<double> values;
  for (size_t field = 0; field < kinds.size(); ++field) {
    const FieldColumns to(out, offsets[field], kinds[field], parts);
    const auto from = [&](const Column* column) -> const Column& {
      return finer.columns[offsets[field] + static_cast<size_t>(column - to.all.data())];
    };
    const auto each = [&](Column* column, auto f) {
      if (column != nullptr) fold(from(column), column, periods, values, f);
    };
    if (to.count != nullptr) fold_counts(from(to.count), to.count, periods);
    each(to.sum, [](auto v) { return rollup_internal::exact_sum(v, rollup_internal::kHundredths); });
    each(to.seconds, [](auto v) { return rollup_internal::exact_sum(v, rollup_internal::kNanos); });
    each(to.min, [](auto v) { return *std::ranges::min_element(v); });
    each(to.max, [](auto v) { return *std::ranges::max_element(v); });
    each(to.last, [](auto v) { return v.back(); });
  }
  rollup_internal::drop_empty_rows(out, offsets);
  return out;
}

}  // namespace dragonfly
