// Inside surface/api: rates of counters between rows as they arrive, for streams. Rows of the past have them from
// query/statistics; here there is no past to read.
//
// Units      per second.
// Ownership  owns the last row's counters of each series.
// Threading  one thread at a time.
// Errors     none.
// Limits     kSeriesMax series; when it is reached all are forgotten, and each series' next row has no rates.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "model/flow/row_feed.h"

namespace dragonfly {

struct LiveValue {
  const Metric* metric;
  Value value;  // A counter's is a rate (float64).
};

class LiveRates {
 public:
  static constexpr size_t kSeriesMax = 50'000;

  // The row's values: gauges as they are, counters as rates since the last row that had them, by the rules of
  // query/statistics/statistics.h; a row that is not newer than the one before has none.
  std::vector<LiveValue> take(const RowEvent& row);

 private:
  struct Last {
    Timestamp time{};
    uint64_t boot = 0;
    std::optional<Value> value;
  };
  static std::optional<double> advance(Last& last, const RowEvent& row, Value value);
  std::map<std::tuple<VmId, GroupId, std::string>, std::vector<Last>> series_;
};

}  // namespace dragonfly
