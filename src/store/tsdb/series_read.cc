#include "store/tsdb/series_read.h"

#include <algorithm>

#include "model/rollup/counter.h"
#include "model/rollup/rollup.h"

namespace dragonfly {
namespace {

bool has_values(const Column& column) { return std::ranges::find(column.present, uint8_t{1}) != column.present.end(); }

}  // namespace

bool has_counters(GroupId group, size_t columns) {
  const auto kinds = kinds_of(group, columns);
  return std::ranges::find(kinds, MetricKind::kCounter) != kinds.end();
}

ColumnSet SeriesRead::read(ColumnNumbers columns, int64_t from_ns, int64_t to_ns) {
  std::vector<ChunkRows> parts;
  ScanSelection selection;
  selection.group = series_.group;
  selection.devices = {series_.device};
  selection.from_ns = from_ns - kHourNs + 1;
  selection.to_ns = to_ns;
  for (PartitionScan& scan : scans_) {
    scan.scan(selection, series_.vm, [&](const ChunkKey& key, std::string_view bytes, std::string_view value) {
      const auto chunk = ChunkReader::open(as_bytes(bytes), as_bytes(value));
      auto rows = chunk ? rows_within(*chunk, columns, from_ns, to_ns) : Result<ColumnSet>(fail(chunk.error()));
      if (!rows) {
        core_.stats.chunks_damaged.add();
        core_.damage.tell(chunk_text(key) + ": " + rows.error().message);
      } else if (!rows->empty()) {
        parts.push_back({key.sequence, std::move(*rows)});
      }
    });
  }
  return merge_chunks(series_.group, columns, parts);
}

ColumnSet SeriesRead::counters_before(const ColumnSet& rows, int64_t begin_ns) {
  ColumnSet out;
  for (const Column& column : rows.columns) out.columns.push_back({column.type, {}, {}});
  const auto kinds = kinds_of(series_.group, rows.columns.size());
  std::vector<size_t> wanted;
  for (size_t i = 0; i < kinds.size(); ++i) {
    if (kinds[i] == MetricKind::kCounter && has_values(rows.columns[i])) wanted.push_back(i);
  }
  if (wanted.empty()) return out;
  // The hour before has them, nearly always.
  for (const int64_t reach : {kHourNs, int64_t{kCounterGapMax.count()}}) {
    ColumnSet before = read(wanted, begin_ns - reach, begin_ns);
    before.keep_with_previous({from_unix_ns(begin_ns), from_unix_ns(begin_ns)}, Duration(reach));
    if (reach == kHourNs && !std::ranges::all_of(before.columns, has_values)) continue;
    out.times_ns = std::move(before.times_ns);
    out.boots = std::move(before.boots);
    for (size_t i = 0; i < wanted.size(); ++i) out.columns[wanted[i]] = std::move(before.columns[i]);
    break;
  }
  for (Column& column : out.columns) {
    column.bits.resize(out.rows());
    column.present.resize(out.rows());
  }
  return out;
}

}  // namespace dragonfly
