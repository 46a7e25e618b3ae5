// HourMerge: makes of the fresh partitions of one hour, and of what that hour's raw chunks hold, one chunk a series, and
// the rollups of that hour. Where hours after it were merged before, theirs are made anew as far as a counter's value of
// this hour reaches.
//
// Order: the fresh partitions are frozen (rows that come meanwhile lie in a later generation), each series is written to the
// raw partition and the tiers, those are flushed together, the fresh ones are dropped. A crash anywhere in between leaves
// chunks that overlap and agree: they read as one, and the merge is done again.
//
// Units      hours since 1970.
// Ownership  borrows the core.
// Threading  one thread; one merge at a time in a store.
// Errors     kUnavailable where `go_on` said no, kNoSpace, kIo; the fresh partitions stay, and the next merge takes them.
// Limits     as SeriesWalk.
#pragma once

#include <functional>

#include "store/tsdb/series_walk.h"
#include "store/tsdb/tier_writer.h"

namespace dragonfly {

// Where a merge stands, for tests that end it there.
enum class MergeStep { kFrozen, kSeriesWritten, kWritten, kFlushed, kDropped };
using MergeProbe = std::function<bool(MergeStep)>;  // False ends the merge, as a crash would.

// In "meta": raw chunks of that hour may be there. Its value is kMarkWithRollups where all of them have rollups; an earlier
// version left it empty. On disk no later than the first of them, as families are flushed together or in this order.
inline constexpr std::string_view kMergedPrefix = "i/merged/";
inline constexpr uint8_t kMarkWithRollups[] = {1};
std::string merged_key(int64_t hour);

class HourMerge {
 public:
  HourMerge(StoreCore& core, int64_t hour, const MergeProbe& probe)
      : core_(core), hour_(hour), probe_(probe), tiers_(core) {}
  // `go_on` is asked between series; it may wait.
  Result<> run(const std::function<bool()>& go_on);

 private:
  void open_neighbours();
  Result<> write_series(SeriesWalk& walk, const std::function<bool()>& go_on);
  void add_old_chunks(SeriesWalk::Series& series, rocksdb::WriteBatch& out);
  void put_chunks(const SeriesWalk::Series& series, const ColumnSet& rows, uint64_t sequence, rocksdb::WriteBatch& out);
  Result<> put_rollups(const SeriesName& series, const ColumnSet& rows, rocksdb::WriteBatch& out);
  Result<> at(MergeStep step) const;

  StoreCore& core_;
  const int64_t hour_;
  const MergeProbe& probe_;
  TierWriter tiers_;
  std::shared_ptr<Partition> raw_;
  std::optional<PartitionScan> old_;       // Null where the hour was never merged.
  std::vector<PartitionScan> neighbours_;  // Raw partitions with hours around.
  std::vector<int64_t> following_;         // Merged hours that a counter of this one reaches.
};

}  // namespace dragonfly
