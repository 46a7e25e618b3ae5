// SeriesRead: rows of one series out of some partitions, as a merge needs them.
//
// Units      ns.
// Ownership  borrows the core and the scans.
// Threading  one object, one thread.
// Errors     none: what cannot be read is skipped, told and counted.
// Limits     none of its own; a merge asks for some hours.
#pragma once

#include "store/tsdb/partition_scan.h"
#include "store/tsdb/tier_writer.h"

namespace dragonfly {

bool has_counters(GroupId group, size_t columns);

class SeriesRead {
 public:
  SeriesRead(StoreCore& core, std::vector<PartitionScan>& scans, const SeriesName& series)
      : core_(core), scans_(scans), series_(series) {}
  // All rows of [from_ns, to_ns), one a time.
  ColumnSet rows(int64_t from_ns, int64_t to_ns) { return read({}, from_ns, to_ns); }
  // What the counters of `rows` were before begin_ns: for each that has a value there the last row within kCounterGapMax.
  // With the columns of `rows`.
  ColumnSet counters_before(const ColumnSet& rows, int64_t begin_ns);

 private:
  ColumnSet read(ColumnNumbers columns, int64_t from_ns, int64_t to_ns);

  StoreCore& core_;
  std::vector<PartitionScan>& scans_;
  const SeriesName& series_;
};

}  // namespace dragonfly
