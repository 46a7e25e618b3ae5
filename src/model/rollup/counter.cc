#include "model/rollup/counter.h"

namespace dragonfly {
namespace {

// b - a of one column type; nullopt where it fell.
std::optional<double> difference(ValueType type, uint64_t a, uint64_t b) {
  switch (type) {
    case ValueType::kUint64:
    case ValueType::kBool:
      if (b < a) return std::nullopt;
      return static_cast<double>(b - a);
    case ValueType::kInt64:
      if (static_cast<int64_t>(b) < static_cast<int64_t>(a)) return std::nullopt;
      return static_cast<double>(b - a);  // Modulo 2^64: exact also where the signs differ.
    case ValueType::kFloat64: {
      const double from = Value{type, a}.as_double();
      const double to = Value{type, b}.as_double();
      if (!(to >= from)) return std::nullopt;
      return to - from;
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<double> counter_increase_otherwise(ValueType type, const CounterReading& before,
                                                 const CounterReading& after) {
  const bool boots_known = before.boot != 0 && after.boot != 0;
  if (boots_known && before.boot != after.boot) return Value{type, after.bits}.as_double();
  const auto gained = difference(type, before.bits, after.bits);
  if (!gained && !boots_known) return Value{type, after.bits}.as_double();
  return gained;
}

}  // namespace dragonfly
