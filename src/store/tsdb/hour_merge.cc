#include "store/tsdb/hour_merge.h"

#include <algorithm>

#include "base/core/assert.h"

namespace dragonfly {
namespace {

constexpr size_t kBatchBytes = 16 * 1024;

// In "meta": raw chunks of that hour may be there. On disk no later than the first of them, as families are flushed
// together or in this order.
std::string mark_key(int64_t hour) { return fmt::format("i/merged/{}", hour); }

}  // namespace

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
  auto raw = core_.partitions.tier_for(Tier::kRaw, hour_, raw_hours_);
  if (!raw) return fail(raw.error());
  raw_ = std::move(*raw);
  const std::string mark = mark_key(hour_);
  if (core_.metadata(mark)) {
    old_.emplace(raw_, PartitionScan::Cache::kBypass);
  } else {
    rocksdb::WriteBatch batch;
    core_.put_metadata(batch, mark, {});
    DF_TRY(core_.write(batch, "cannot write the mark of a merge"));
  }
  SeriesWalk walk(core_, fresh);
  DF_TRY(write_series(walk, go_on));
  DF_TRY(at(MergeStep::kWritten));
  {
    const auto families = core_.partitions.hold();
    DF_TRY(core_.flush({raw_}, "cannot flush a merged hour"));
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
    put_chunks(*series, merge_chunks(series->group, series->parts), sequence, batch);
    // A series' old chunks and its new one change places at once: a batch holds whole series.
    if (batch.GetDataSize() < kBatchBytes) continue;
    DF_TRY(core_.write(batch, "cannot write merged chunks"));
    DF_TRY(at(MergeStep::kSeriesWritten));
    if (!go_on()) return fail(ErrorCode::kUnavailable, "the store stops");
  }
  return core_.write(batch, "cannot write merged chunks");
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
