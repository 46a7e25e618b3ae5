// Partitions: the column families of chunks, each of one tier and one span of time.
//
// Units      times in ns, spans in hours.
// Ownership  a Partition shares nothing and owns its handle; readers hold it (shared_ptr) and go on reading after it was
//            dropped. Borrows the database, which outlives every partition.
// Threading  any thread. hold() excludes changes of the set: whoever flushes several families holds it.
// Errors     kNoSpace, kIo from RocksDB.
// Limits     kFreshMax fresh partitions: rows of further hours are refused until some are merged.
#pragma once

#include <rocksdb/db.h>

#include <array>
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "base/core/result.h"
#include "base/rt/clock.h"
#include "store/tsdb/rocks.h"
#include "store/tsdb/store_keys.h"

namespace dragonfly {

struct Partition {
  Partition(rocksdb::DB& database, rocksdb::ColumnFamilyHandle* handle, PartitionName its_name, MonotonicTime made_at)
      : db(database), family(handle), name(its_name), text(to_text(its_name)), made(made_at) {}
  ~Partition() { db.DestroyColumnFamilyHandle(family); }
  Partition(const Partition&) = delete;
  Partition& operator=(const Partition&) = delete;
  bool touches(int64_t begin_ns, int64_t end_ns) const { return name.end_ns() > begin_ns && name.begin_ns() < end_ns; }

  rocksdb::DB& db;
  rocksdb::ColumnFamilyHandle* const family;
  const PartitionName name;
  const std::string text;
  const MonotonicTime made;          // Or found, when the store was opened.
  std::atomic<bool> damaged{false};  // Read file by file, because one bad file makes a merged iterator fail as a whole.
  std::atomic<bool> compacting_stopped{false};
  std::atomic<bool> frozen{false};  // Of a fresh one: it is being merged and takes no more chunks.
};

using PartitionList = std::vector<std::shared_ptr<Partition>>;

class Partitions {
 public:
  static constexpr size_t kFreshMax = 64;

  Partitions(const StoreOptions& options, const Clock& clock) : options_(options), clock_(clock) {}
  void attach(rocksdb::DB& db) { db_ = &db; }
  // A family that was there when the database was opened.
  std::shared_ptr<Partition> add(rocksdb::ColumnFamilyHandle* family, PartitionName name);
  void clear();

  PartitionList all() const;
  PartitionList of_tier(Tier tier) const;
  // Those with rows as they came, that is fresh and raw ones.
  PartitionList rows_between(int64_t begin_ns, int64_t end_ns) const;
  PartitionList tier_between(Tier tier, int64_t begin_ns, int64_t end_ns) const;

  // Where chunks of that hour go; made where it is not there. The newest fresh one that is not frozen …
  Result<std::shared_ptr<Partition>> fresh_for(int64_t hour);
  // … or the narrowest of a tier.
  Result<std::shared_ptr<Partition>> tier_for(Tier tier, int64_t hour);
  // The same, null where it is not there.
  std::shared_ptr<Partition> find_tier(Tier tier, int64_t hour) const;
  // How many hours a new partition of the tier spans: a multiple of the default.
  void set_span(Tier tier, int64_t hours) { spans_[static_cast<size_t>(tier)] = hours; }
  // The fresh partitions of that hour, which take nothing from now on. Where some are frozen already (a merge that did not
  // come to its end) only those, so that no more than two generations wait.
  PartitionList freeze(int64_t hour);

  Result<> drop(const Partition& partition);
  // Takes the lock of the set.
  [[nodiscard]] std::unique_lock<std::mutex> hold() { return std::unique_lock(families_mutex_); }

 private:
  Result<std::shared_ptr<Partition>> make(PartitionName name);

  const StoreOptions& options_;
  const Clock& clock_;
  rocksdb::DB* db_ = nullptr;
  std::array<std::atomic<int64_t>, 5> spans_{};  // By tier; 0 = the default.
  // Changes of the set of column families and flushes of them exclude each other.
  std::mutex families_mutex_;  // Whoever makes, drops or flushes families; see hold().
  mutable std::mutex mutex_;   // Guards the map alone; taken after families_mutex_ and never held for long.
  std::map<PartitionName, std::shared_ptr<Partition>> partitions_;
};

}  // namespace dragonfly
