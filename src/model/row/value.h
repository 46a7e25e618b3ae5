// Value: one number or truth, with its type.
//
// Units      the metric's own (model/catalogue).
// Ownership  a value of 16 bytes.
// Threading  pure.
// Errors     convert: nullopt where the value does not fit exactly.
// Limits     none.
#pragma once

#include <bit>
#include <cstdint>
#include <optional>

#include "model/catalogue/catalogue.h"

namespace dragonfly {

struct Value {
  ValueType type = ValueType::kFloat64;
  uint64_t bits = 0;  // The 64 bits of the double, int64, uint64 or 0/1.

  static Value of(double v) { return {ValueType::kFloat64, std::bit_cast<uint64_t>(v)}; }
  static Value of(int64_t v) { return {ValueType::kInt64, static_cast<uint64_t>(v)}; }
  static Value of(uint64_t v) { return {ValueType::kUint64, v}; }
  static Value of(bool v) { return {ValueType::kBool, v ? uint64_t{1} : uint64_t{0}}; }
  double as_double() const;
  bool operator==(const Value&) const = default;
};

// The value in the type of its column; nullopt where it does not fit exactly (0.5 as uint64, -1 as uint64, 2 as bool).
std::optional<Value> convert(Value value, ValueType to);

}  // namespace dragonfly
