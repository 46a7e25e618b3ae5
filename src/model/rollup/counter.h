// What a counter gained from one row to the next: the rules of rates, in one place. Rates in answers, rollups in the
// store and rates in streams are all made of this.
//
// A row's rate is its increase since the series' last row before it that has the field, over the seconds between the
// two. A change of the boot id, or a fall where a boot id is not known, is a restart: the counter counts from 0, so the
// increase is the new value. A fall under one boot id (a disk or an interface left) gives no rate for that row. The
// first row of a series has none, and none has one after a gap of more than kCounterGapMax: so a row's rate depends on
// the rows of that time alone, and rows, rollups and any range of a question agree on it.
//
// Units      increases in the metric's unit; a boot of 0 is not known.
// Ownership  values.
// Threading  pure.
// Errors     nullopt where there is no rate.
// Limits     kCounterGapMax.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "base/core/time.h"
#include "model/row/value.h"

namespace dragonfly {

// Device rows of an agent with the longest interval come every five hours.
inline constexpr Duration kCounterGapMax = std::chrono::hours(6);

struct CounterReading {
  int64_t time_ns = 0;
  uint64_t boot = 0;
  uint64_t bits = 0;  // Of the column's type.
};

// What the counter gained from `before` to `after`. Requires before.time_ns < after.time_ns and finite values.
std::optional<double> counter_increase_otherwise(ValueType type, const CounterReading& before,
                                                 const CounterReading& after);
inline std::optional<double> counter_increase(ValueType type, const CounterReading& before,
                                              const CounterReading& after) {
  // What nearly every reading is.
  if (type == ValueType::kUint64 && before.boot == after.boot && after.bits >= before.bits) [[likely]]
    return static_cast<double>(after.bits - before.bits);
  return counter_increase_otherwise(type, before, after);
}

// The reading before, as rows go by.
class CounterWalk {
 public:
  explicit CounterWalk(ValueType type) : type_(type) {}
  // Takes the series' next row that has the field: what it gained since the one before.
  std::optional<double> next(const CounterReading& reading) {
    uint64_t elapsed = 0;  // Unsigned: two times may be further apart than a Duration reaches.
    if (before_) elapsed = static_cast<uint64_t>(reading.time_ns) - static_cast<uint64_t>(before_->time_ns);
    const bool near = before_ && elapsed <= static_cast<uint64_t>(kCounterGapMax.count());
    const auto out = near ? counter_increase(type_, *before_, reading) : std::nullopt;
    elapsed_ns_ = near ? static_cast<int64_t>(elapsed) : 0;
    before_ = reading;
    return out;
  }
  int64_t elapsed_ns() const { return elapsed_ns_; }  // Between the last two readings; 0 where they are too far apart.

 private:
  ValueType type_;
  std::optional<CounterReading> before_;
  int64_t elapsed_ns_ = 0;
};

}  // namespace dragonfly
