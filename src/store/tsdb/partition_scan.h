// PartitionScan: walks the chunks of one partition for one question, around damaged blocks and files.
//
// Units      times in ns.
// Ownership  shares the partition; borrows the database, which outlives it.
// Threading  one object, one thread.
// Errors     none: what cannot be read is skipped and named in damage().
// Limits     kBadSeeksMax attempts to get past damage in one file; then the rest of that file is given up.
#pragma once

#include <rocksdb/sst_file_reader.h>

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "store/tsdb/partitions.h"

namespace dragonfly {

struct ScanSelection {
  GroupId group = GroupId::kCpu;
  bool all_devices = false;
  std::vector<std::string> devices;  // Where not all; sorted.
  int64_t from_ns = 0;               // Chunks with start in [from_ns, to_ns).
  int64_t to_ns = 0;
};

class PartitionScan {
 public:
  static constexpr int kBadSeeksMax = 4000;
  using Visit = std::function<void(const ChunkKey& key, std::string_view key_bytes, std::string_view value)>;

  enum class Cache { kFill, kBypass };  // Merging reads each block once: it must not push out what questions need.

  explicit PartitionScan(std::shared_ptr<Partition> partition, Cache cache = Cache::kFill);
  // Chunks of one VM. A chunk may be visited twice (in any order) where damage is met; its key tells.
  void scan(const ScanSelection& selection, VmId vm, const Visit& visit);
  // Every VM of every group with a chunk that can be read, at or after `from`.
  using VmKey = std::pair<GroupId, VmId>;
  std::set<VmKey> list_vms(VmKey from);
  const std::vector<std::string>& damage() const { return damage_; }

 private:
  struct Source {
    std::string name;
    std::unique_ptr<rocksdb::SstFileReader> file;  // Null = the whole partition, or its memory.
    std::unique_ptr<rocksdb::Iterator> iterator;   // After `file`: dies first.
    int bad_seeks = 0;
    bool told = false;
  };
  void open_sources();
  // False where damage was met that this source cannot get past.
  bool scan_source(Source& source, const ScanSelection& selection, VmId vm, const Visit& visit);
  bool scan_from(Source& source, const ScanSelection& selection, VmId vm, std::string device, const Visit& visit);
  bool step_over(Source& source, const ScanSelection& selection, VmId vm, std::string device, int64_t at_ns);
  bool step_over_vms(Source& source, VmKey after);
  void list_source(Source& source, VmKey from, std::set<VmKey>& out);
  bool try_seek(Source& source, const std::string& key);
  bool walk_back(Source& source, const std::string& above);
  void tell(Source& source);

  rocksdb::ReadOptions read_options() const;

  const std::shared_ptr<Partition> partition_;
  const Cache cache_;
  bool by_file_ = false;
  std::vector<Source> sources_;
  std::vector<std::string> damage_;
};

}  // namespace dragonfly
