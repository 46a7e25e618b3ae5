// PartitionScan: walks the chunks of one partition for one question, around damaged blocks and files.
//
// Units      times in ns.
// Ownership  shares the partition; borrows the database, which outlives it.
// Threading  one object, one thread.
// Errors     none: what cannot be read is skipped and named in damage().
// Limits     kBadSeeksMax attempts to get past damage in one file; then the rest of that file is given up.
#pragma once

#include <rocksdb/db.h>
#include <rocksdb/sst_file_reader.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "store/tsdb/store_keys.h"

namespace dragonfly {

// A column family that holds the chunks whose first row lies in its six hours.
struct Partition {
  Partition(rocksdb::DB& database, rocksdb::ColumnFamilyHandle* handle, int64_t first_hour)
      : db(database), family(handle), hour(first_hour) {}
  ~Partition() { db.DestroyColumnFamilyHandle(family); }
  Partition(const Partition&) = delete;
  Partition& operator=(const Partition&) = delete;
  int64_t begin_ns() const { return hour * 3'600'000'000'000; }
  int64_t end_ns() const { return begin_ns() + kPartitionSpan.count(); }

  rocksdb::DB& db;
  rocksdb::ColumnFamilyHandle* const family;
  const int64_t hour;
  std::atomic<bool> damaged{false};  // Read file by file, because one bad file makes a merged iterator fail as a whole.
  std::atomic<bool> compacting_stopped{false};
};

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

  explicit PartitionScan(std::shared_ptr<Partition> partition);
  // Chunks of one VM. A chunk may be visited twice (in any order) where damage is met; its key tells.
  void scan(const ScanSelection& selection, VmId vm, const Visit& visit);
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
  bool try_seek(Source& source, const std::string& key);
  void walk_back(Source& source, const std::string& above);
  void tell(Source& source);

  const std::shared_ptr<Partition> partition_;
  bool by_file_ = false;
  std::vector<Source> sources_;
  std::vector<std::string> damage_;
};

}  // namespace dragonfly
