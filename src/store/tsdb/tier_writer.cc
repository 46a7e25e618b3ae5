#include "store/tsdb/tier_writer.h"

#include <algorithm>

#include "base/core/assert.h"
#include "model/rollup/rollup.h"

namespace dragonfly {
namespace {

constexpr TimeRange kAlways{Timestamp::min(), Timestamp::max()};
constexpr Duration kHour(kHourNs);

TimeRange hour_range(int64_t hour) { return {from_unix_ns(hour * kHourNs), from_unix_ns((hour + 1) * kHourNs)}; }

// Rollups that an earlier version of the program wrote may have fewer fields, never others.
bool fits(const ColumnSet& stored, const ColumnSet& columns) {
  const size_t both = std::min(stored.columns.size(), columns.columns.size());
  for (size_t i = 0; i < both; ++i) {
    if (stored.columns[i].type != columns.columns[i].type) return false;
  }
  return true;
}

void widen(ColumnSet& rows, const ColumnSet& columns) {
  while (rows.columns.size() < columns.columns.size()) {
    const ValueType type = columns.columns[rows.columns.size()].type;
    rows.columns.push_back({type, std::vector<uint64_t>(rows.rows()), std::vector<uint8_t>(rows.rows())});
  }
}

// What lies in the range is replaced by `fresh`, all of which lies there.
void replace(ColumnSet& rows, TimeRange range, ColumnSet fresh) {
  if (!fits(rows, fresh)) rows = {};
  widen(rows, fresh);
  widen(fresh, rows);
  ColumnSet after = rows;
  rows.keep({Timestamp::min(), range.begin});
  after.keep({range.end, Timestamp::max()});
  rows.append_all(fresh);
  rows.append_all(after);
}

// Fields of the rollups in `rows`.
std::vector<MetricKind> kinds_in(GroupId group, const ColumnSet& rows) {
  const auto kinds = kinds_of(group, kFieldsMax);
  const auto offsets = rollup_offsets(kinds);
  const auto end = std::ranges::find(offsets, rows.columns.size());
  DF_ASSERT(end != offsets.end());
  return {kinds.begin(), kinds.begin() + (end - offsets.begin())};
}

}  // namespace

Result<TierWriter::Chunk> TierWriter::place(const SeriesName& series, Tier tier, int64_t hour) {
  const int64_t first = floor_hours(hour, chunk_hours(tier));
  auto partition = core_.partitions.tier_for(tier, first);
  if (!partition) return fail(partition.error());
  touched_.insert(*partition);
  return Chunk{
      std::move(*partition), encode_chunk_key({series.group, series.vm, series.device, first * kHourNs, 0}), {}};
}

Result<TierWriter::Chunk> TierWriter::load(const SeriesName& series, Tier tier, int64_t hour) {
  auto placed = place(series, tier, hour);
  if (!placed) return placed;
  Chunk& out = *placed;
  rocksdb::ReadOptions options;
  options.fill_cache = false;
  std::string value;
  const auto status = core_.db->Get(options, out.partition->family, out.key, &value);
  if (status.IsNotFound()) return placed;
  if (!status.ok()) {
    core_.stats.chunks_damaged.add();
    core_.damage.tell(fmt::format("{}: {}", out.partition->text, status.ToString()));
    return placed;
  }
  const auto chunk = ChunkReader::open(as_bytes(out.key), as_bytes(value));
  auto rows = chunk ? chunk->all() : Result<ColumnSet>(fail(chunk.error()));
  if (rows) {
    out.rows = std::move(*rows);
  } else {
    core_.stats.chunks_damaged.add();
    core_.damage.tell(
        fmt::format("{}: {}: {}", out.partition->text, chunk_text(*decode_chunk_key(out.key)), rows.error().message));
  }
  return placed;
}

Result<TierWriter::Chunk*> TierWriter::open(const SeriesName& series, Tier tier, int64_t hour) {
  const std::pair place(tier, floor_hours(hour, chunk_hours(tier)));
  auto at = open_.find(place);
  if (at == open_.end()) {
    auto loaded = load(series, tier, hour);
    if (!loaded) return fail(std::move(loaded).error());
    at = open_.emplace(place, std::move(*loaded)).first;
  }
  return &at->second;
}

void TierWriter::save(const SeriesName& series, Tier tier, const Chunk& chunk, rocksdb::WriteBatch& out) {
  if (chunk.rows.empty()) {
    DF_ASSERT(out.Delete(chunk.partition->family, chunk.key).ok());
    return;
  }
  Bytes value;
  encode_chunk(value, as_bytes(chunk.key), series.group, chunk.rows, 0, chunk.rows.rows());
  DF_ASSERT(out.Put(chunk.partition->family, chunk.key, rocksdb::Slice(as_text(value).data(), value.size())).ok());
  core_.stats.tier_rows_written[static_cast<size_t>(tier)].add(chunk.rows.rows());
}

Result<> TierWriter::put(const SeriesName& series, int64_t hour, const ColumnSet& rows, rocksdb::WriteBatch& out) {
  const auto kinds = kinds_of(series.group, rows.columns.size());
  const TimeRange range = hour_range(hour);
  auto hours = open(series, Tier::kHour, hour);
  if (!hours) return fail(hours.error());
  replace((*hours)->rows, range, roll_rows(rows, kinds, kHour, range));

  const auto begin = std::ranges::lower_bound(rows.times_ns, unix_ns(range.begin));
  const auto count = static_cast<size_t>(std::ranges::lower_bound(rows.times_ns, unix_ns(range.end)) - begin);
  ColumnSet of_minutes = roll_rows(rows, kinds, 1min, range);
  const bool dense = count > 0 && count >= kRowsPerMinuteMin * of_minutes.rows();
  // Minutes of an hour that was dense before late rows came are wrong now.
  if (!dense && !core_.partitions.find_tier(Tier::kMinute, hour)) return {};
  auto chunk = dense ? place(series, Tier::kMinute, hour) : load(series, Tier::kMinute, hour);
  if (!chunk) return fail(chunk.error());
  if (!dense && chunk->rows.empty()) return {};
  chunk->rows = dense ? std::move(of_minutes) : ColumnSet{};
  save(series, Tier::kMinute, *chunk, out);
  return {};
}

Result<> TierWriter::put_missing_minutes(const SeriesName& series, int64_t hour, const ColumnSet& rows,
                                         rocksdb::WriteBatch& out) {
  auto chunk = load(series, Tier::kMinute, hour);
  if (!chunk) return fail(chunk.error());
  if (!chunk->rows.empty()) return {};
  chunk->rows = roll_rows(rows, kinds_of(series.group, rows.columns.size()), 1min, hour_range(hour));
  if (!chunk->rows.empty()) save(series, Tier::kMinute, *chunk, out);
  return {};
}

Result<> TierWriter::finish(const SeriesName& series, rocksdb::WriteBatch& out) {
  std::vector<int64_t> days;
  for (const auto& [place, chunk] : open_) {
    if (place.first == Tier::kHour) days.push_back(place.second);
  }
  for (const int64_t day : days) {
    const ColumnSet& hours = open_.at({Tier::kHour, day}).rows;
    const TimeRange range{from_unix_ns(day * kHourNs), from_unix_ns((day + 24) * kHourNs)};
    auto chunk = open(series, Tier::kDay, day);
    if (!chunk) return fail(chunk.error());
    replace((*chunk)->rows, range, roll_rollups(hours, kinds_in(series.group, hours), 24h, kAlways));
  }
  for (const auto& [place, chunk] : open_) save(series, place.first, chunk, out);
  open_.clear();
  return {};
}

}  // namespace dragonfly
