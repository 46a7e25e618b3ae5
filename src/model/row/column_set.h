// ColumnSet: rows of one series, column by column. What heads are sealed into, chunks are decoded to and questions
// are answered from.
//
// Units      times in ns.
// Ownership  owns its columns.
// Threading  one object, one thread.
// Errors     append_row: false for a malformed row (our own bytes were checked before: kept as a second check); the
//            set is then unchanged. set_row: the same, and the row has no values then. Other columns than expected in append_from and append_all are our bug and assert.
// Limits     none of its own; callers bound rows.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/core/time.h"
#include "model/row/row.h"

namespace dragonfly {

struct Column {
  ValueType type = ValueType::kFloat64;
  std::vector<uint64_t> bits;    // One a row; 0 where absent.
  std::vector<uint8_t> present;  // One a row: 0 or 1.

  Value value(size_t row) const { return {type, bits[row]}; }
  double as_double(size_t row) const { return value(row).as_double(); }
  bool operator==(const Column&) const = default;
};

struct ColumnSet {
  std::vector<int64_t> times_ns;
  std::vector<uint64_t> boots;  // Dictionary::boot() of each row.
  std::vector<Column> columns;  // Index = field number.

  // Columns with the types of a catalogue group, or of a custom measurement's fields.
  static ColumnSet for_group(GroupId group);
  static ColumnSet for_types(std::span<const ValueType> types);

  // No rows; the columns and the memory stay.
  void clear();
  size_t rows() const { return times_ns.size(); }
  bool empty() const { return times_ns.empty(); }
  // So many rows; new ones have no values, time 0 and boot 0.
  void resize(size_t rows);
  // As append_row(), of a row that is there and has no values.
  bool set_row(size_t row, Timestamp time, uint64_t boot, ByteView fields);
  // Appends one row whose fields are encoded as in row.h; fields beyond columns.size() are skipped. A value that
  // does not fit its column's type makes the field absent.
  bool append_row(Timestamp time, uint64_t boot, ByteView fields);
  // Appends row `row` of another set with the same columns (or a prefix of them).
  void append_from(const ColumnSet& other, size_t row);
  void append_all(const ColumnSet& other);
  // Sorts by time and makes rows of one time one row: for a field that comes twice the later appended wins, an
  // absent field and a boot of 0 erase nothing. Returns how many rows were merged away.
  size_t sort_and_merge();
  // Keeps [range.begin, range.end) only. Requires sorted rows.
  void keep(TimeRange range);
  // keep(), and of the rows before it, as far as they are at most `within` older than range.begin, each that is the
  // last to have some column. Requires sorted rows.
  void keep_with_previous(TimeRange range, Duration within);
  // Keeps the columns of these numbers, strictly ascending: column i is then fields[i], without values where it was not
  // there.
  void select(std::span<const uint16_t> fields);
  bool operator==(const ColumnSet&) const = default;
};

}  // namespace dragonfly
