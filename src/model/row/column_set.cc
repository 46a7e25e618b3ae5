#include "model/row/column_set.h"

#include <algorithm>
#include <numeric>

#include "base/core/assert.h"
#include "model/row/fields_walk.h"

namespace dragonfly {
namespace {

template <class T>
void permute(std::vector<T>& column, const std::vector<size_t>& order) {
  std::vector<T> sorted;
  sorted.reserve(column.size());
  for (const size_t row : order) sorted.push_back(column[row]);
  column.swap(sorted);
}

template <class T>
void keep_span(std::vector<T>& column, size_t begin, size_t end) {
  column.resize(end);
  column.erase(column.begin(), column.begin() + static_cast<ptrdiff_t>(begin));
}

template <class T>
void append(std::vector<T>& to, const std::vector<T>& from) {
  to.insert(to.end(), from.begin(), from.end());
}

// Stable, so that of rows of one time the later appended stays the later one.
void sort_by_time(ColumnSet& set) {
  std::vector<size_t> order(set.rows());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return set.times_ns[a] < set.times_ns[b]; });
  permute(set.times_ns, order);
  permute(set.boots, order);
  for (Column& column : set.columns) {
    permute(column.bits, order);
    permute(column.present, order);
  }
}

// Lays row `from` over row `to` (to <= from): what is present wins.
void lay_over(ColumnSet& set, size_t to, size_t from) {
  if (set.boots[from] != 0) set.boots[to] = set.boots[from];
  for (Column& column : set.columns) {
    if (column.present[from] == 0) continue;
    column.bits[to] = column.bits[from];
    column.present[to] = 1;
  }
}

void move_row(ColumnSet& set, size_t to, size_t from) {
  set.times_ns[to] = set.times_ns[from];
  set.boots[to] = set.boots[from];
  for (Column& column : set.columns) {
    column.bits[to] = column.bits[from];
    column.present[to] = column.present[from];
  }
}

void keep_rows(ColumnSet& set, size_t begin, size_t end) {
  keep_span(set.times_ns, begin, end);
  keep_span(set.boots, begin, end);
  for (Column& column : set.columns) {
    keep_span(column.bits, begin, end);
    keep_span(column.present, begin, end);
  }
}

}  // namespace

ColumnSet ColumnSet::for_group(GroupId group) {
  ColumnSet out;
  for (const Metric& metric : metrics_of(group)) out.columns.push_back({metric.type, {}, {}});
  return out;
}

ColumnSet ColumnSet::for_types(std::span<const ValueType> types) {
  ColumnSet out;
  for (const ValueType type : types) out.columns.push_back({type, {}, {}});
  return out;
}

void ColumnSet::clear() {
  times_ns.clear();
  boots.clear();
  for (Column& column : columns) {
    column.bits.clear();
    column.present.clear();
  }
}

void ColumnSet::resize(size_t rows) {
  times_ns.resize(rows);
  boots.resize(rows);
  for (Column& column : columns) {
    column.bits.resize(rows);
    column.present.resize(rows);
  }
}

bool ColumnSet::set_row(size_t row, Timestamp time, uint64_t boot, ByteView fields) {
  times_ns[row] = unix_ns(time);
  boots[row] = boot;
  const bool well_formed = fields::walk(fields, [&](size_t index, Value value) {
    if (index >= columns.size()) return;
    Column& column = columns[index];
    uint64_t bits;
    if (!fields::fit(value, column.type, bits)) return;
    column.bits[row] = bits;
    column.present[row] = 1;
  });
  if (well_formed) return true;
  for (Column& column : columns) {
    column.bits[row] = 0;
    column.present[row] = 0;
  }
  return false;
}

bool ColumnSet::append_row(Timestamp time, uint64_t boot, ByteView fields) {
  const size_t row = rows();
  times_ns.push_back(0);
  boots.push_back(0);
  for (Column& column : columns) {
    column.bits.push_back(0);
    column.present.push_back(0);
  }
  const bool well_formed = set_row(row, time, boot, fields);
  if (!well_formed) resize(row);
  return well_formed;
}

void ColumnSet::append_from(const ColumnSet& other, size_t row) {
  DF_ASSERT(row < other.rows() && other.columns.size() <= columns.size());
  times_ns.push_back(other.times_ns[row]);
  boots.push_back(other.boots[row]);
  for (size_t i = 0; i < columns.size(); ++i) {
    const bool has = i < other.columns.size();
    DF_ASSERT(!has || other.columns[i].type == columns[i].type);
    columns[i].bits.push_back(has ? other.columns[i].bits[row] : 0);
    columns[i].present.push_back(has ? other.columns[i].present[row] : uint8_t{0});
  }
}

void ColumnSet::append_all(const ColumnSet& other) {
  DF_ASSERT(&other != this && other.columns.size() <= columns.size());
  append(times_ns, other.times_ns);
  append(boots, other.boots);
  for (size_t i = 0; i < columns.size(); ++i) {
    if (i < other.columns.size()) {
      DF_ASSERT(other.columns[i].type == columns[i].type);
      append(columns[i].bits, other.columns[i].bits);
      append(columns[i].present, other.columns[i].present);
    }
    columns[i].bits.resize(times_ns.size());
    columns[i].present.resize(times_ns.size());
  }
}

size_t ColumnSet::sort_and_merge() {
  const size_t before = rows();
  // Where two neighbours are not strictly ascending first; usually nowhere.
  const auto first = std::adjacent_find(times_ns.begin(), times_ns.end(), std::greater_equal<>());
  if (first == times_ns.end()) return 0;
  size_t to = static_cast<size_t>(first - times_ns.begin());
  if (!std::is_sorted(first, times_ns.end())) {
    sort_by_time(*this);
    to = 0;
  }
  for (size_t from = to + 1; from < before; ++from) {
    if (times_ns[from] == times_ns[to])
      lay_over(*this, to, from);
    else if (++to != from)
      move_row(*this, to, from);
  }
  keep_rows(*this, 0, to + 1);
  return before - rows();
}

void ColumnSet::keep(TimeRange range) {
  const auto begin = std::lower_bound(times_ns.begin(), times_ns.end(), unix_ns(range.begin));
  const auto end = std::lower_bound(begin, times_ns.end(), unix_ns(range.end));
  if (begin == times_ns.begin() && end == times_ns.end()) return;
  keep_rows(*this, static_cast<size_t>(begin - times_ns.begin()), static_cast<size_t>(end - times_ns.begin()));
}

void ColumnSet::keep_with_previous(TimeRange range, Duration within) {
  const auto at = [&](Timestamp time) {
    return static_cast<size_t>(std::lower_bound(times_ns.begin(), times_ns.end(), unix_ns(time)) - times_ns.begin());
  };
  const int64_t begin_ns = unix_ns(range.begin);
  const size_t begin = at(range.begin);
  int64_t oldest_ns;
  if (__builtin_sub_overflow(begin_ns, within.count(), &oldest_ns)) oldest_ns = INT64_MIN;
  const size_t oldest = at(from_unix_ns(oldest_ns));
  size_t first = begin;  // Rows [first, begin) are kept as far as they are moved to its end.
  std::vector<bool> found(columns.size());
  size_t missing = columns.size();
  for (size_t row = begin; row > oldest && missing > 0; --row) {
    bool is_last = false;
    for (size_t i = 0; i < columns.size(); ++i) {
      if (found[i] || columns[i].present[row - 1] == 0) continue;
      found[i] = true;
      is_last = true;
      --missing;
    }
    if (is_last && --first != row - 1) move_row(*this, first, row - 1);
  }
  keep_rows(*this, first, std::max(first, at(range.end)));
}

void ColumnSet::select(std::span<const uint16_t> fields) {
  std::vector<Column> selected(fields.size());
  for (size_t i = 0; i < fields.size(); ++i) {
    if (fields[i] < columns.size()) selected[i] = std::move(columns[fields[i]]);
    selected[i].bits.resize(rows());
    selected[i].present.resize(rows());
  }
  columns = std::move(selected);
}

}  // namespace dragonfly
