// Statistics: from the rows of one series to values: counters become rates, rows become buckets. Pure functions.
//
// The rules of rates are model/rollup/counter.h's. Values that are not finite count as absent. Buckets of rows and buckets
// of rollups are added up by the same code and agree.
//
// Units      gauges in their metric's unit, counters in that unit per second (kSum of a counter: the increase); UTC.
// Ownership  values; inputs are only read.
// Threading  pure functions; an Across belongs to one thread.
// Errors     look-ups return nullopt. Rows must be sorted, one a time.
// Limits     none of its own; callers bound rows.
#pragma once

#include <boost/container/small_vector.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/core/time.h"
#include "model/catalogue/catalogue.h"
#include "model/rollup/rollup.h"
#include "model/row/column_set.h"

namespace dragonfly {

enum class Statistic : uint8_t { kAvg, kMin, kMax, kLast, kSum, kCount, kP95 };
std::string_view to_string(Statistic statistic);
// avg, min, max, last, sum, count, p95.
std::optional<Statistic> find_statistic(std::string_view name);

// Index = column of the rows; nullopt = no data. Most questions about many VMs are of one field: no allocation a bucket.
using FieldValues = boost::container::small_vector<std::optional<double>, 1>;

// A bucket, or one raw row.
struct Bucket {
  Timestamp start;  // Of a raw row: its time.
  FieldValues fields;
  bool operator==(const Bucket&) const = default;
};

// What of a rollup a statistic needs; not for kP95, which needs the rows themselves.
RollupParts parts_for(Statistic statistic);
// The statistic of each rollup: `rollups` has the columns of rollup_columns(kinds, parts_for(statistic)).
std::vector<Bucket> buckets_of(const ColumnSet& rollups, std::span<const MetricKind> kinds, Statistic statistic);

// Each function below reads the rows of its range; earlier rows only tell what the counters were.

// Buckets aligned in UTC, ascending; one without any value is absent. A row's whole increase belongs to the bucket of
// its own time. A counter's avg is increase over time; min, max, last and p95 (nearest rank) are of its rows' rates.
std::vector<Bucket> bucketize(const ColumnSet& rows, std::span<const MetricKind> kinds, Statistic statistic,
                              Duration bucket, TimeRange range);

// One bucket over all of the window.
struct WindowValues {
  std::optional<Timestamp> newest;  // Time of the newest row in the window; nullopt = there is none.
  FieldValues fields;
};
WindowValues window_statistic(const ColumnSet& rows, std::span<const MetricKind> kinds, Statistic statistic,
                              TimeRange window);

// The rows with counters as rates. A row that holds any of the columns is there, also where none of them has a rate (the
// first row of a series); one that holds none of them is absent.
std::vector<Bucket> rows_with_rates(const ColumnSet& rows, std::span<const MetricKind> kinds, TimeRange range);

// A statistic across VMs: over their values of one bucket, unweighted. kLast is the avg of the VMs' last values.
class Across {
 public:
  void add(double value, Statistic statistic);              // Always with the statistic that is asked for in the end.
  std::optional<double> result(Statistic statistic) const;  // nullopt = nothing was added.

 private:
  size_t count_ = 0;
  double min_ = 0;
  double max_ = 0;
  double sum_ = 0;
  std::vector<double> values_;  // For kP95 only.
};
std::optional<double> across(std::span<const double> values, Statistic statistic);

// What each VM's bucket value is where `across_vms` is asked of a group: sum, count and p95 are over the VMs' avg.
Statistic statistic_within(Statistic across_vms);

}  // namespace dragonfly
