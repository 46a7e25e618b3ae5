// RollupRead: one question for rollups, answered from the tiers.
//
// Each part of the range comes from the coarsest tier whose periods divide the one that is asked for and lie in it as a
// whole. Uncovered are hours with rows that are not merged (and those after, as far as their counters reach), hours that
// an earlier version merged, and where minutes are wanted those of series that have none.
//
// Units      ns.
// Ownership  borrows core and request for the call; shares the partitions.
// Threading  one object, one thread.
// Errors     kResourceExhausted names rows_max; kUnavailable where it was cancelled. A damaged chunk makes its hours uncovered.
// Limits     rows_max of the request.
#pragma once

#include <map>
#include <set>

#include "model/flow/series_reader.h"
#include "store/tsdb/partition_scan.h"
#include "store/tsdb/store_core.h"

namespace dragonfly {

class RollupRead {
 public:
  using Ranges = std::vector<TimeRange>;  // Ascending, apart from each other.

  RollupRead(StoreCore& core, const RollupRequest& request, ScanSelection selection);
  Result<RollupAnswer> run();

 private:
  struct TierScans {
    Tier tier = Tier::kHour;
    Ranges spans;  // Of the partitions.
    std::vector<PartitionScan> scans;
  };
  struct Plan {
    Ranges days, hours, minutes;
  };
  TierScans open(Tier tier) const;
  Ranges not_merged(VmId vm);
  Plan plan(Ranges covered) const;
  void read_tier(TierScans& tier, VmId vm, const Ranges& ranges);
  void find_minutes_missing(VmId vm, const Ranges& minutes);
  void tell_damaged(const ChunkKey& key, Tier tier, const std::string& message);
  Result<> read_vm(VmId vm, const Ranges& excluded);

  StoreCore& core_;
  const RollupRequest& request_;
  ScanSelection selection_;
  const bool counters_;
  std::vector<size_t> columns_;  // Of the stored rollups.
  const ColumnSet empty_;        // The answer's columns.
  std::set<int64_t> without_rollups_;
  TierScans days_, hours_, minutes_;
  std::vector<PartitionScan> fresh_;

  // Of the present VM:
  std::map<std::string, ColumnSet> found_;                // By device.
  std::map<std::string, std::set<int64_t>> has_minutes_;  // Hours.
  Ranges lost_;                                           // Planned, but not there.
  RollupAnswer out_;
  size_t rows_ = 0;
};

}  // namespace dragonfly
