#include "store/tsdb/chunk_rows.h"

#include <fmt/core.h>

#include <algorithm>

namespace dragonfly {
namespace {

bool has_values(const Column& column) { return std::ranges::find(column.present, uint8_t{1}) != column.present.end(); }

std::vector<ValueType> merged_types(GroupId group, ColumnNumbers columns, const std::vector<ChunkRows>& parts) {
  const auto metrics = metrics_of(group);
  size_t width = columns.empty() ? metrics.size() : columns.size();
  if (columns.empty() && metrics.empty()) {
    for (const ChunkRows& part : parts) width = std::max(width, part.rows.columns.size());
  }
  std::vector<ValueType> types(width, ValueType::kFloat64);
  for (size_t i = 0; i < width; ++i) {
    const size_t number = columns.empty() ? i : columns[i];
    if (number < metrics.size()) {
      types[i] = metrics[number].type;
      continue;
    }
    const auto holds = [i](const ChunkRows& part) {
      return i < part.rows.columns.size() && has_values(part.rows.columns[i]);
    };
    const auto knows = [i](const ChunkRows& part) { return i < part.rows.columns.size(); };
    auto first = std::ranges::find_if(parts, holds);
    if (first == parts.end()) first = std::ranges::find_if(parts, knows);
    if (first != parts.end()) types[i] = first->rows.columns[i].type;
  }
  return types;
}

void fit_columns(ColumnSet& rows, const std::vector<ValueType>& types) {
  if (rows.columns.size() > types.size()) rows.columns.resize(types.size());
  for (size_t i = 0; i < rows.columns.size(); ++i) {
    if (rows.columns[i].type == types[i]) continue;
    rows.columns[i] = {types[i], std::vector<uint64_t>(rows.rows(), 0), std::vector<uint8_t>(rows.rows(), 0)};
  }
}

}  // namespace

Result<ColumnSet> rows_within(const ChunkReader& chunk, ColumnNumbers columns, int64_t from_ns, int64_t to_ns) {
  ColumnSet out;
  DF_TRY(chunk.times_into(out.times_ns));
  if (out.times_ns.back() < from_ns || out.times_ns.front() >= to_ns) return ColumnSet{};
  const bool cut = out.times_ns.front() < from_ns || out.times_ns.back() >= to_ns;
  if (columns.empty()) {
    auto all = chunk.all();
    if (all && cut) all->keep({from_unix_ns(from_ns), from_unix_ns(to_ns)});
    return all;
  }
  DF_TRY(chunk.boots_into(out.boots));
  out.columns.resize(columns.size());
  const auto known = static_cast<size_t>(std::ranges::lower_bound(columns, chunk.columns()) - columns.begin());
  ChunkScratch scratch;
  DF_TRY(chunk.columns_into(columns.first(known), scratch, std::span(out.columns).first(known)));
  for (size_t i = known; i < columns.size(); ++i) {
    out.columns[i].bits.resize(out.rows());
    out.columns[i].present.resize(out.rows());
  }
  if (cut) out.keep({from_unix_ns(from_ns), from_unix_ns(to_ns)});
  return out;
}

ColumnSet merge_chunks(GroupId group, ColumnNumbers columns, std::vector<ChunkRows>& parts) {
  std::ranges::stable_sort(parts, {}, &ChunkRows::sequence);
  const auto types = merged_types(group, columns, parts);
  ColumnSet out = ColumnSet::for_types(types);
  for (ChunkRows& part : parts) {
    fit_columns(part.rows, types);
    out.append_all(part.rows);
    part.rows = {};
  }
  parts.clear();
  out.sort_and_merge();
  return out;
}

std::string chunk_text(const ChunkKey& key) {
  return fmt::format("chunk of vm {}, group {}, device '{}', from {}", static_cast<uint32_t>(key.vm),
                     static_cast<uint32_t>(key.group), key.device, format_rfc3339(from_unix_ns(key.start_ns)));
}

size_t chunk_end(const ColumnSet& rows, size_t begin) {
  const int64_t hour = hour_of(rows.times_ns[begin]);
  const size_t last = std::min(rows.rows(), begin + chunk_rows_max(rows.columns.size()));
  const auto end = std::lower_bound(rows.times_ns.begin() + static_cast<ptrdiff_t>(begin),
                                    rows.times_ns.begin() + static_cast<ptrdiff_t>(last), (hour + 1) * kHourNs);
  return static_cast<size_t>(end - rows.times_ns.begin());
}

}  // namespace dragonfly
