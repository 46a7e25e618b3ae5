// Rows for the tests of this module.
//
// Units      times in seconds after kStart.
// Ownership  values.
// Threading  pure.
// Errors     none.
// Limits     none.
#pragma once

#include <optional>
#include <vector>

#include "model/row/column_set.h"

namespace dragonfly {

inline const Timestamp kStart = parse_rfc3339("2026-01-31T07:10:00Z").value();
inline Timestamp at_s(double s) { return kStart + Duration(static_cast<int64_t>(s * 1e9)); }
inline TimeRange between_s(double begin, double end) { return {at_s(begin), at_s(end)}; }

struct TestRow {
  double time_s;
  uint64_t boot;
  std::vector<std::optional<Value>> values;
};

inline ColumnSet rows_of_types(const std::vector<ValueType>& types, const std::vector<TestRow>& rows) {
  ColumnSet out = ColumnSet::for_types(types);
  for (const TestRow& row : rows) {
    out.times_ns.push_back(unix_ns(at_s(row.time_s)));
    out.boots.push_back(row.boot);
    for (size_t i = 0; i < types.size(); ++i) {
      const bool there = i < row.values.size() && row.values[i].has_value();
      out.columns[i].bits.push_back(there ? row.values[i]->bits : 0);
      out.columns[i].present.push_back(there ? 1 : 0);
    }
  }
  return out;
}

}  // namespace dragonfly
