#include "store/tsdb/hour_merge.h"

#include <algorithm>

#include "base/core/assert.h"
#include "model/rollup/counter.h"
#include "store/tsdb/series_read.h"

namespace dragonfly {
namespace {

constexpr size_t kBatchBytes = 16 * 1024;

}  // namespace

std::string merged_key(int64_t hour) { return fmt::format("{}{}", kMergedPrefix, hour); }

Result<> HourMerge::at(MergeStep step) const {
  if (!probe_ || probe_(step)) return {};
  return fail(ErrorCode::kUnavailable, "the merge was ended");
}

Result<> HourMerge::run(const std::function<bool()>& go_on) {
  PartitionList fresh;
  {
    const std::lock_guard lock(core_.write_mutex);
    fresh = core_.partitions.freeze(hour_);
  }
  if (fresh.empty()) return {};
  DF_TRY(at(MergeStep::kFrozen));
  auto raw = core_.partitions.tier_for(Tier::kRaw, hour_);
  if (!raw) return fail(raw.error());
  raw_ = std::move(*raw);
  const std::string mark = merged_key(hour_);
  if (core_.metadata(mark)) {
    old_.emplace(raw_, PartitionScan::Cache::kBypass);
  } else {
    rocksdb::WriteBatch batch;
    core_.put_metadata(batch, mark, kMarkWithRollups);
    DF_TRY(core_.write(batch, "cannot write the mark of a merge"));
  }
  open_neighbours();
  SeriesWalk walk(core_, fresh);
  DF_TRY(write_series(walk, go_on));
  DF_TRY(at(MergeStep::kWritten));
  {
    const auto families = core_.partitions.hold();
    PartitionList written = tiers_.touched();
    written.push_back(raw_);
    DF_TRY(core_.flush(written, "cannot flush a merged hour"));
  }
  DF_TRY(at(MergeStep::kFlushed));
  for (const auto& partition : fresh) {
    DF_TRY(core_.partitions.drop(*partition));
    DF_TRY(at(MergeStep::kDropped));
  }
  core_.stats.hours_merged.add();
  return {};
}

Result<> HourMerge::write_series(SeriesWalk& walk, const std::function<bool()>& go_on) {
  rocksdb::WriteBatch batch;
  while (auto series = walk.next()) {
    if (old_) add_old_chunks(*series, batch);
    if (series->parts.empty()) continue;
    const uint64_t sequence = std::ranges::max(series->parts, {}, &ChunkRows::sequence).sequence;
    core_.stats.chunks_merged.add(series->parts.size());
    const ColumnSet rows = merge_chunks(series->group, {}, series->parts);
    put_chunks(*series, rows, sequence, batch);
    DF_TRY(put_rollups({series->group, series->vm, series->device}, rows, batch));
    // A series' old chunks and its new one change places at once: a batch holds whole series.
    if (batch.GetDataSize() < kBatchBytes) continue;
    DF_TRY(core_.write(batch, "cannot write merged chunks"));
    DF_TRY(at(MergeStep::kSeriesWritten));
    if (!go_on()) return fail(ErrorCode::kUnavailable, "the store stops");
  }
  return core_.write(batch, "cannot write merged chunks");
}

void HourMerge::open_neighbours() {
  const int64_t reach = kCounterGapMax.count();
  for (int64_t hour = hour_ + 1; hour <= hour_ + reach / kHourNs; ++hour) {
    if (core_.partitions.find_tier(Tier::kRaw, hour) && core_.metadata(merged_key(hour))) following_.push_back(hour);
  }
  for (auto& partition :
       core_.partitions.tier_between(Tier::kRaw, hour_ * kHourNs - reach, (hour_ + 1) * kHourNs + reach))
    neighbours_.emplace_back(std::move(partition), PartitionScan::Cache::kBypass);
}

Result<> HourMerge::put_rollups(const SeriesName& series, const ColumnSet& rows, rocksdb::WriteBatch& out) {
  if (hour_ < core_.raw_from_hour) return {};  // Of an hour that holds more than these rows.
  const int64_t begin_ns = hour_ * kHourNs;
  SeriesRead around(core_, neighbours_, series);
  ColumnSet all = around.counters_before(rows, begin_ns);
  all.append_all(rows);
  const bool reaches = !following_.empty() && has_counters(series.group, rows.columns.size());
  if (reaches) {
    ColumnSet after = around.rows(begin_ns + kHourNs, (following_.back() + 1) * kHourNs);
    while (all.columns.size() < after.columns.size()) {
      const ValueType type = after.columns[all.columns.size()].type;
      all.columns.push_back({type, std::vector<uint64_t>(all.rows()), std::vector<uint8_t>(all.rows())});
    }
    all.append_all(after);
  }
  DF_TRY(tiers_.put(series, hour_, all, out));
  for (const int64_t hour : following_) {
    const auto at = std::ranges::lower_bound(all.times_ns, hour * kHourNs);
    if (!reaches || at == all.times_ns.end() || *at >= (hour + 1) * kHourNs) continue;
    DF_TRY(tiers_.put(series, hour, all, out));
  }
  return tiers_.finish(series, out);
}

// What was merged before: into the series' parts, and out of the store.
void HourMerge::add_old_chunks(SeriesWalk::Series& series, rocksdb::WriteBatch& out) {
  ScanSelection selection;
  selection.group = series.group;
  selection.devices = {series.device};
  selection.from_ns = hour_ * kHourNs;
  selection.to_ns = (hour_ + 1) * kHourNs;
  old_->scan(selection, series.vm, [&](const ChunkKey& key, std::string_view bytes, std::string_view value) {
    add_chunk_rows(core_, key, bytes, value, series.parts);
    DF_ASSERT(out.Delete(raw_->family, rocksdb::Slice(bytes.data(), bytes.size())).ok());
  });
}

void HourMerge::put_chunks(const SeriesWalk::Series& series, const ColumnSet& rows, uint64_t sequence,
                           rocksdb::WriteBatch& out) {
  Bytes value;
  core_.stats.tier_rows_written[static_cast<size_t>(Tier::kRaw)].add(rows.rows());
  for (size_t begin = 0; begin < rows.rows();) {
    const size_t end = chunk_end(rows, begin);
    const std::string key = encode_chunk_key({series.group, series.vm, series.device, rows.times_ns[begin], sequence});
    value.clear();
    encode_chunk(value, as_bytes(key), series.group, rows, begin, end);
    DF_ASSERT(out.Put(raw_->family, key, rocksdb::Slice(as_text(value).data(), value.size())).ok());
    core_.stats.chunks_written.add();
    begin = end;
  }
}

}  // namespace dragonfly
