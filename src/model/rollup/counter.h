// What a counter gained from one row to the next: the rules of rates, in one place. Rates in answers, rollups in the
// store and rates in streams are all made of this.
//
// A row's rate is its increase since the series' last row before it that has the field, over the seconds between the
// two. A change of the boot id, or a fall where a boot id is not known, is a restart: the counter counts from 0, so the
// increase is the new value. A fall under one boot id (a disk or an interface left) gives no rate for that row. The
// first row of a series has none.
//
// Units      increases in the metric's unit; a boot of 0 is not known.
// Ownership  values.
// Threading  pure.
// Errors     nullopt where there is no rate.
// Limits     none; how far readers look back for the row before bounds the gap: ReadRequest::previous_within.
#pragma once

#include <cstdint>
#include <optional>

#include "model/row/value.h"

namespace dragonfly {

struct CounterReading {
  int64_t time_ns = 0;
  uint64_t boot = 0;
  uint64_t bits = 0;  // Of the column's type.
};

// What the counter gained from `before` to `after`. Requires before.time_ns < after.time_ns and finite values.
std::optional<double> counter_increase(ValueType type, const CounterReading& before, const CounterReading& after);

// The reading before, as rows go by.
class CounterWalk {
 public:
  explicit CounterWalk(ValueType type) : type_(type) {}
  // Takes the series' next row that has the field: what it gained since the one before.
  std::optional<double> next(const CounterReading& reading) {
    const auto out = before_ ? counter_increase(type_, *before_, reading) : std::nullopt;
    elapsed_ns_ = before_ ? reading.time_ns - before_->time_ns : 0;
    before_ = reading;
    return out;
  }
  int64_t elapsed_ns() const { return elapsed_ns_; }  // Between the last two readings.

 private:
  ValueType type_;
  std::optional<CounterReading> before_;
  int64_t elapsed_ns_ = 0;
};

}  // namespace dragonfly
