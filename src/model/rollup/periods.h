// Inside model/rollup: rows by periods, and sums that do not depend on the order of adding.
//
// Units      ns.
// Ownership  values.
// Threading  pure.
// Errors     none.
// Limits     none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "model/rollup/rollup.h"

namespace dragonfly::rollup_internal {

// Rows [begin, end) of a set lie in the period that starts at start_ns.
struct Period {
  int64_t start_ns;
  size_t begin;
  size_t end;
};

// The periods of sorted times that have rows within the range, ascending.
std::vector<Period> split(std::span<const int64_t> times_ns, Duration period, TimeRange range);

// Units of the last digit that sums are exact to: percentages have two digits, seconds nine.
inline constexpr double kHundredths = 100;
inline constexpr double kNanos = 1e9;

// The sum, rounded once, where every value is a whole number of 1/scale below 2^53 of them; else by compensated
// addition. Both hardly depend on how values are grouped, so that tiers agree with raw rows.
double exact_sum(std::span<const double> values, double scale);
double compensated_sum(std::span<const double> values);

// The sub-columns of one field in a set of rollups that is being made. Null where a part is not wanted.
struct FieldColumns {
  FieldColumns(ColumnSet& rollups, size_t first, MetricKind kind, RollupParts parts);
  Column* count = nullptr;
  Column* sum = nullptr;
  Column* seconds = nullptr;
  Column* min = nullptr;
  Column* max = nullptr;
  Column* last = nullptr;
  std::span<Column> all;
};

// An empty period of each: what the functions that fill them start from.
ColumnSet empty_rollups(std::span<const MetricKind> kinds, RollupParts parts, std::span<const Period> periods);
// Drops the rows in which no field has a value. `offsets`: of rollup_offsets.
void drop_empty_rows(ColumnSet& rollups, std::span<const size_t> offsets);

}  // namespace dragonfly::rollup_internal
