// SeriesWalk: the rows of the fresh partitions of one hour, series by series in the order of their keys.
//
// Where a block is damaged it goes on VM by VM around the damage; what was given of that VM before comes again.
//
// Units      ns.
// Ownership  shares the partitions; borrows what it tells damage to.
// Threading  one object, one thread.
// Errors     none: what cannot be read is skipped, told and counted.
// Limits     the rows of one series of one hour at a time; beside damage, those of one VM and group.
#pragma once

#include <deque>
#include <optional>

#include "store/tsdb/chunk_rows.h"
#include "store/tsdb/partition_scan.h"
#include "store/tsdb/store_core.h"

namespace dragonfly {

class SeriesWalk {
 public:
  struct Series {
    GroupId group = GroupId::kCpu;
    VmId vm = VmId::kNone;
    std::string device;
    std::vector<ChunkRows> parts;
  };
  SeriesWalk(StoreCore& core, PartitionList partitions);
  std::optional<Series> next();

 private:
  std::optional<Series> next_whole();
  std::optional<Series> next_around_damage();
  void go_around_damage(PartitionScan::VmKey from);
  std::string_view smallest_series();

  StoreCore& core_;
  const PartitionList partitions_;
  std::vector<std::unique_ptr<rocksdb::Iterator>> iterators_;  // One a partition; empty once damage was met.
  std::vector<PartitionScan> scans_;                           // Then these …
  std::set<PartitionScan::VmKey> vms_left_;                    // … for these VMs, and …
  std::deque<Series> ready_;                                   // … the series of the last one.
};

// Decodes a chunk into `parts`; a damaged one is told and counted instead.
void add_chunk_rows(StoreCore& core, const ChunkKey& key, std::string_view key_bytes, std::string_view value,
                    std::vector<ChunkRows>& parts);

}  // namespace dragonfly
