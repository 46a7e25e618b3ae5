#include "store/tsdb/series_walk.h"

#include <algorithm>

namespace dragonfly {
namespace {

constexpr size_t kReadaheadBytes = 256 * 1024;
constexpr size_t kKeyTailBytes = 16;  // Start and sequence.

std::string_view series_of(const rocksdb::Iterator& it) {
  const std::string_view key = it.key().ToStringView();
  return key.substr(0, key.size() - std::min(key.size(), kKeyTailBytes));
}

}  // namespace

void add_chunk_rows(StoreCore& core, const ChunkKey& key, std::string_view key_bytes, std::string_view value,
                    std::vector<ChunkRows>& parts) {
  const auto chunk = ChunkReader::open(as_bytes(key_bytes), as_bytes(value));
  auto rows = chunk ? chunk->all() : Result<ColumnSet>(fail(chunk.error()));
  if (rows) return parts.push_back({key.sequence, std::move(*rows)});
  core.stats.chunks_damaged.add();
  core.damage.tell(chunk_text(key) + ": " + rows.error().message);
}

SeriesWalk::SeriesWalk(StoreCore& core, PartitionList partitions) : core_(core), partitions_(std::move(partitions)) {
  rocksdb::ReadOptions options;
  options.verify_checksums = true;
  options.fill_cache = false;
  options.readahead_size = kReadaheadBytes;
  if (std::ranges::any_of(partitions_, [](const auto& partition) { return partition->damaged.load(); })) {
    go_around_damage({GroupId{0}, VmId::kNone});
    return;
  }
  for (const auto& partition : partitions_) {
    iterators_.emplace_back(partition->db.NewIterator(options, partition->family));
    iterators_.back()->SeekToFirst();
  }
}

std::optional<SeriesWalk::Series> SeriesWalk::next() {
  if (!iterators_.empty()) {
    if (auto series = next_whole()) return series;
    if (!iterators_.empty()) return std::nullopt;
  }
  return next_around_damage();
}

// Of all iterators; empty at the end, or where one has met damage.
std::string_view SeriesWalk::smallest_series() {
  std::string_view smallest;
  for (const auto& it : iterators_) {
    if (it->Valid() && (smallest.empty() || series_of(*it) < smallest)) smallest = series_of(*it);
  }
  return smallest;
}

std::optional<SeriesWalk::Series> SeriesWalk::next_whole() {
  const std::string prefix(smallest_series());
  Series out;
  bool named = false;
  for (size_t i = 0; i < iterators_.size(); ++i) {
    rocksdb::Iterator& it = *iterators_[i];
    for (; it.Valid() && series_of(it) == prefix; it.Next()) {
      const std::string_view bytes = it.key().ToStringView();
      auto key = decode_chunk_key(bytes);
      if (!key) continue;  // Of a later version.
      add_chunk_rows(core_, *key, bytes, it.value().ToStringView(), out.parts);
      if (named) continue;
      named = true;
      out.group = key->group;
      out.vm = key->vm;
      out.device = std::move(key->device);
    }
    if (it.status().ok()) continue;
    partitions_[i]->damaged = true;
    // Where the damage begins is known no better than by the series that was being read.
    const auto key = decode_chunk_key(prefix + std::string(kKeyTailBytes, '\0'));
    go_around_damage(key ? PartitionScan::VmKey{key->group, key->vm} : PartitionScan::VmKey{});
    return std::nullopt;
  }
  if (prefix.empty()) return std::nullopt;
  return out;
}

void SeriesWalk::go_around_damage(PartitionScan::VmKey from) {
  iterators_.clear();
  for (const auto& partition : partitions_) {
    scans_.emplace_back(partition, PartitionScan::Cache::kBypass);
    vms_left_.merge(scans_.back().list_vms(from));
  }
}

std::optional<SeriesWalk::Series> SeriesWalk::next_around_damage() {
  while (ready_.empty() && !vms_left_.empty()) {
    const auto first = *vms_left_.begin();
    const GroupId group = first.first;
    const VmId vm = first.second;
    vms_left_.erase(vms_left_.begin());
    std::map<std::string, Series> found;
    ScanSelection selection;
    selection.group = group;
    selection.all_devices = true;
    selection.from_ns = INT64_MIN;
    selection.to_ns = INT64_MAX;
    for (PartitionScan& scan : scans_) {
      scan.scan(selection, vm, [&](const ChunkKey& key, std::string_view bytes, std::string_view value) {
        Series& series = found.try_emplace(key.device, Series{group, vm, key.device, {}}).first->second;
        add_chunk_rows(core_, key, bytes, value, series.parts);
      });
    }
    for (auto& [device, series] : found) ready_.push_back(std::move(series));
  }
  if (ready_.empty()) {
    for (const PartitionScan& scan : scans_) {
      for (const auto& text : scan.damage()) core_.damage.tell(text);
    }
    return std::nullopt;
  }
  Series out = std::move(ready_.front());
  ready_.pop_front();
  return out;
}

}  // namespace dragonfly
