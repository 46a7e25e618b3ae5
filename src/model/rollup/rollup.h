// Rollups: rows of one series summed up by periods, as columns; the same columns in the store's tiers and on the way to
// an answer, so that raw rows and every tier are added up by the same code and give the same answer.
//
// A rollup is an ordinary ColumnSet: a row is one period, its time is the period's start (aligned in UTC), its boot is
// 0. Each field has sub-columns side by side, in the order of its number:
//   gauge    count u64 · sum · min · max · last
//   counter  count u64 · increase · seconds · min · max · last    (min, max, last: of the rows' rates, counter.h)
// all float64 but count. A field without a value in a period has no sub-column present there; a period without any
// value has no row. count, min, max and last of a coarser period are exactly those of the raw rows. Sums are those of
// the raw rows, rounded once, wherever their values are decimals of at most two digits (or integers) and the total
// times 100 stays below 2^53; elsewhere they are right to a few units in the last place.
//
// Units      as the rows; seconds as float64.
// Ownership  values; inputs are only read.
// Threading  pure.
// Errors     none. Rows must be sorted, one a time; a value that is not finite counts as absent.
// Limits     none of its own; callers bound rows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/core/time.h"
#include "model/catalogue/catalogue.h"
#include "model/row/column_set.h"

namespace dragonfly {

// Sub-columns, as a set: what of a rollup is kept, or wanted. Bits, in the order of the columns.
enum class RollupPart : uint8_t {
  kCount = 1,
  kSum = 2,      // Of a counter: the increase.
  kSeconds = 4,  // Counters only: the seconds in which the increase came.
  kMin = 8,
  kMax = 16,
  kLast = 32,
};
struct RollupParts {
  uint8_t bits = 0;
  constexpr bool has(RollupPart part) const { return (bits & static_cast<uint8_t>(part)) != 0; }
  friend constexpr RollupParts operator|(RollupParts a, RollupPart b) {
    return {static_cast<uint8_t>(a.bits | static_cast<uint8_t>(b))};
  }
  bool operator==(const RollupParts&) const = default;
};
inline constexpr RollupParts kAllRollupParts{0x3f};

// `time` rounded down to a whole `step` (> 0) since the Unix epoch.
Timestamp floor_to(Timestamp time, Duration step);

// Of the first `columns` fields of a group; of chosen fields. A field that the catalogue does not know is a gauge.
std::vector<MetricKind> kinds_of(GroupId group, size_t columns);
std::vector<MetricKind> kinds_of(GroupId group, std::span<const uint16_t> fields);

// How many sub-columns a field of this kind has, among `parts`.
size_t rollup_width(MetricKind kind, RollupParts parts = kAllRollupParts);
// Index of each field's first sub-column, and at the end the number of all.
std::vector<size_t> rollup_offsets(std::span<const MetricKind> kinds, RollupParts parts = kAllRollupParts);
// Where `part` lies among the sub-columns of one field; nullopt = it is not there.
std::optional<size_t> rollup_offset(MetricKind kind, RollupPart part, RollupParts parts = kAllRollupParts);

// An empty set with the sub-columns of each field.
ColumnSet rollup_columns(std::span<const MetricKind> kinds, RollupParts parts = kAllRollupParts);

// Raw rows to rollups of `period` (> 0), over the rows of [range.begin, range.end); those before only tell what
// counters were. A row's whole increase belongs to its own period. kinds.size() = rows.columns.size().
ColumnSet roll_rows(const ColumnSet& rows, std::span<const MetricKind> kinds, Duration period, TimeRange range,
                    RollupParts parts = kAllRollupParts);

// Rollups to coarser ones: of `finer`, whose columns are rollup_columns(kinds, parts), the rows of the range. Their
// times ascend; several may have one time, or lie in one period with others, and may be of different periods (each
// divides `period`): what lies later in `finer` is later.
ColumnSet roll_rollups(const ColumnSet& finer, std::span<const MetricKind> kinds, Duration period, TimeRange range,
                       RollupParts parts = kAllRollupParts);

}  // namespace dragonfly
