#include "store/tsdb/chunk_rows.h"

#include <fmt/core.h>

#include <algorithm>

namespace dragonfly {
namespace {

std::vector<ValueType> merged_types(GroupId group, const std::vector<ChunkRows>& parts) {
  std::vector<ValueType> types;
  if (is_catalogue_group(group)) {
    for (const Metric& metric : metrics_of(group)) types.push_back(metric.type);
    return types;
  }
  for (const ChunkRows& part : parts) {
    for (size_t i = types.size(); i < part.rows.columns.size(); ++i) types.push_back(part.rows.columns[i].type);
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

Result<ColumnSet> rows_within(const ChunkReader& chunk, int64_t from_ns, int64_t to_ns) {
  auto times = chunk.times();
  if (!times) return fail(times.error());
  if (times->back() < from_ns || times->front() >= to_ns) return ColumnSet{};
  auto rows = chunk.all();
  if (rows && (times->front() < from_ns || times->back() >= to_ns))
    rows->keep({from_unix_ns(from_ns), from_unix_ns(to_ns)});
  return rows;
}

ColumnSet merge_chunks(GroupId group, std::vector<ChunkRows>& parts) {
  std::ranges::stable_sort(parts, {}, &ChunkRows::sequence);
  const auto types = merged_types(group, parts);
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
