// TierWriter: puts the rollups of merged hours into the tiers 1m, 1h and 1d.
//
// Minutes are made of series with many rows a minute only: of others the raw rows are fewer than the numbers of their
// rollups. They get theirs before the raw rows are dropped.
//
// Units      hours since 1970.
// Ownership  borrows the core; shares the partitions that it wrote to.
// Threading  one thread; one merge at a time in a store.
// Errors     kNoSpace, kIo of a partition that cannot be made. A damaged chunk of rollups is told and made anew.
// Limits     the rollups of one series at a time.
#pragma once

#include <map>
#include <set>

#include "store/tsdb/chunk_rows.h"
#include "store/tsdb/store_core.h"

namespace dragonfly {

struct SeriesName {
  GroupId group = GroupId::kCpu;
  VmId vm = VmId::kNone;
  std::string device;
};

class TierWriter {
 public:
  static constexpr size_t kRowsPerMinuteMin = 10;

  explicit TierWriter(StoreCore& core) : core_(core) {}
  // The rollups of one hour of a series take the place of those that are there. `rows` holds all rows of that hour, and
  // of those before it what tells the counters; sorted.
  Result<> put(const SeriesName& series, int64_t hour, const ColumnSet& rows, rocksdb::WriteBatch& out);
  // Where there are none: the minutes of the hour alone.
  Result<> put_missing_minutes(const SeriesName& series, int64_t hour, const ColumnSet& rows, rocksdb::WriteBatch& out);
  // After the last hour of a series: its hours and days.
  Result<> finish(const SeriesName& series, rocksdb::WriteBatch& out);

  PartitionList touched() const { return {touched_.begin(), touched_.end()}; }

 private:
  struct Chunk {
    std::shared_ptr<Partition> partition;
    std::string key;
    ColumnSet rows;
  };
  Result<Chunk*> open(const SeriesName& series, Tier tier, int64_t hour);
  Result<Chunk> place(const SeriesName& series, Tier tier, int64_t hour);  // Where it lies, without its rows.
  Result<Chunk> load(const SeriesName& series, Tier tier, int64_t hour);
  void save(const SeriesName& series, Tier tier, const Chunk& chunk, rocksdb::WriteBatch& out);

  StoreCore& core_;
  std::map<std::pair<Tier, int64_t>, Chunk> open_;  // Of the present series; by the first hour of the chunk.
  std::set<std::shared_ptr<Partition>> touched_;
};

}  // namespace dragonfly
