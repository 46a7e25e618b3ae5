// HourMerge: makes of the fresh partitions of one hour, and of what that hour's raw chunks hold, one chunk a series.
//
// Order: the fresh partitions are frozen (rows that come meanwhile lie in a later generation), each series is written to the
// raw partition, that is flushed, the fresh ones are dropped. A crash anywhere in between leaves chunks that overlap and
// agree: they read as one, and the merge is done again.
//
// Units      hours since 1970.
// Ownership  borrows the core.
// Threading  one thread; one merge at a time in a store.
// Errors     kUnavailable where `go_on` said no, kNoSpace, kIo; the fresh partitions stay, and the next merge takes them.
// Limits     as SeriesWalk.
#pragma once

#include <functional>

#include "store/tsdb/series_walk.h"

namespace dragonfly {

// Where a merge stands, for tests that end it there.
enum class MergeStep { kFrozen, kSeriesWritten, kWritten, kFlushed, kDropped };
using MergeProbe = std::function<bool(MergeStep)>;  // False ends the merge, as a crash would.

class HourMerge {
 public:
  HourMerge(StoreCore& core, int64_t hour, int64_t raw_hours, const MergeProbe& probe)
      : core_(core), hour_(hour), raw_hours_(raw_hours), probe_(probe) {}
  // `go_on` is asked between series; it may wait.
  Result<> run(const std::function<bool()>& go_on);

 private:
  Result<> write_series(SeriesWalk& walk, const std::function<bool()>& go_on);
  void add_old_chunks(SeriesWalk::Series& series, rocksdb::WriteBatch& out);
  void put_chunks(const SeriesWalk::Series& series, const ColumnSet& rows, uint64_t sequence, rocksdb::WriteBatch& out);
  Result<> at(MergeStep step) const;

  StoreCore& core_;
  const int64_t hour_;
  const int64_t raw_hours_;
  const MergeProbe& probe_;
  std::shared_ptr<Partition> raw_;
  std::optional<PartitionScan> old_;  // Null where the hour was never merged.
};

}  // namespace dragonfly
