// How probes set the fields of a row.
//
// Units      percentages in hundredths where a name says so.
// Ownership  none.
// Threading  pure.
// Errors     none.
// Limits     none; a field is one of its row.
#pragma once

#include <bit>
#include <cstdint>

#include "model/catalogue/fields.h"
#include "model/row/row.h"

namespace dragonfly {

inline void set(Row& row, size_t field, uint64_t value) { row.values[field] = Value::of(value); }
inline void set(Row& row, size_t field, double value) {
  row.values[field] = Value{ValueType::kFloat64, std::bit_cast<uint64_t>(value)};
}
// k hundredths as the double next to k / 100: the wire writes it in two or three bytes.
inline void set_hundredths(Row& row, size_t field, uint64_t hundredths) {
  set(row, field, static_cast<double>(hundredths) / 100.0);
}
// 100 * part / whole in hundredths, rounded to nearest, at most 10000. `whole` is not 0.
inline uint64_t percent_hundredths(uint64_t part, uint64_t whole) {
  if (part >= whole) return 10000;
  return static_cast<uint64_t>(10000.0 * (static_cast<double>(part) / static_cast<double>(whole)) + 0.5);
}

}  // namespace dragonfly
