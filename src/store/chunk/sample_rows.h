// Rows for the tests and benchmarks of the store: seeded, so that a failure can be played again.
//
// Units      times in ns.
// Ownership  values.
// Threading  pure, but for the Random.
// Errors     none.
// Limits     none.
#pragma once

#include <bit>
#include <limits>

#include "base/rt/random.h"
#include "model/row/column_set.h"

namespace dragonfly {

inline void add_row(ColumnSet& set, int64_t time_ns, uint64_t boot, const std::vector<std::optional<Value>>& values) {
  set.times_ns.push_back(time_ns);
  set.boots.push_back(boot);
  for (size_t i = 0; i < set.columns.size(); ++i) {
    const bool there = i < values.size() && values[i].has_value();
    set.columns[i].bits.push_back(there ? values[i]->bits : 0);
    set.columns[i].present.push_back(there ? 1 : 0);
  }
}

// A value of any shape that the type can have: small, huge, not a number, negative zero.
inline uint64_t random_bits(ValueType type, int shape, Random& random) {
  if (type == ValueType::kBool) return random.below(2);
  if (type != ValueType::kFloat64) return shape == 0 ? 7 : shape == 1 ? random.below(1000) : random.next();
  switch (shape) {
    case 0: return std::bit_cast<uint64_t>(3.25);
    case 1: return std::bit_cast<uint64_t>(static_cast<double>(random.below(100'000)) / 100.0);
    case 2: return std::bit_cast<uint64_t>(static_cast<double>(random.below(1000)));
    case 3: return random.next();
    default: {
      constexpr double kOdd[] = {-0.0,
                                 0.0,
                                 1e300,
                                 std::numeric_limits<double>::quiet_NaN(),
                                 std::numeric_limits<double>::infinity(),
                                 9007199254740993.0,
                                 0.1};
      return std::bit_cast<uint64_t>(kOdd[random.below(std::size(kOdd))]);
    }
  }
}

inline ColumnSet random_rows(Random& random, size_t rows_max, size_t columns_max) {
  ColumnSet out;
  const size_t rows = 1 + random.below(rows_max);
  constexpr int64_t kSteps[] = {1, 1'000, 1'000'000, 1'000'000'000};
  const int64_t step = kSteps[random.below(4)];
  int64_t time = (static_cast<int64_t>(random.below(2'000'000'000)) - 500'000'000) * 1'000'000'000;
  const bool jitter = random.below(2) == 0;
  uint64_t boot = random.below(2) == 0 ? 0 : random.next();
  for (size_t row = 0; row < rows; ++row) {
    out.times_ns.push_back(time);
    time += step * static_cast<int64_t>(jitter ? 1 + random.below(100) : 10);
    if (random.below(20) == 0) boot = random.next();
    out.boots.push_back(boot);
  }
  const size_t columns = random.below(columns_max + 1);
  for (size_t i = 0; i < columns; ++i) {
    Column column;
    column.type = static_cast<ValueType>(1 + random.below(4));
    const int shape = static_cast<int>(random.below(5));
    const uint64_t presence = random.below(4);  // 0 never, 1 sometimes, else always.
    for (size_t row = 0; row < rows; ++row) {
      const bool there = presence >= 2 || (presence == 1 && random.below(2) == 0);
      column.present.push_back(there ? 1 : 0);
      column.bits.push_back(there ? random_bits(column.type, shape, random) : 0);
    }
    out.columns.push_back(std::move(column));
  }
  return out;
}

}  // namespace dragonfly
