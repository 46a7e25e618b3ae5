// Rocks: how the chunk store opens RocksDB, whatever state its directory is in, and what it learns of background errors.
//
// Units      bytes.
// Ownership  an OpenedStore owns the database; its handles must be given back (DestroyColumnFamilyHandle) before it dies.
// Threading  open_store: one thread. BackgroundState: any thread.
// Errors     open_store: kUnavailable (another process has it), kNoSpace, kPermissionDenied. Damage is not an error: what can
//            be served is, the rest is set aside and told in `damage`.
// Limits     none.
#pragma once

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/listener.h>

#include <filesystem>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "base/core/result.h"
#include "store/tsdb/store_keys.h"

namespace dragonfly {

inline constexpr std::string_view kMetaFamily = "meta";

Error to_error(const rocksdb::Status& status, std::string_view doing);

class BackgroundState final : public rocksdb::EventListener {
 public:
  // Empty = RocksDB works. Otherwise it takes no writes until it was resumed.
  std::string error() const;
  void clear();
  // Column families in which a compaction met a damaged block since the last call.
  std::set<std::string> take_damaged();

  void OnBackgroundError(rocksdb::BackgroundErrorReason reason, rocksdb::Status* status) override;
  void OnCompactionCompleted(rocksdb::DB* db, const rocksdb::CompactionJobInfo& job) override;

 private:
  mutable std::mutex mutex_;  // The database's own threads write, anybody reads.
  std::string error_;
  std::set<std::string> damaged_;
};

struct StoreOptions {
  std::filesystem::path directory;
  size_t write_buffer_bytes = size_t{32} << 20;  // Of all families together.
  std::shared_ptr<rocksdb::Cache> block_cache;
};

rocksdb::ColumnFamilyOptions family_options(const StoreOptions& options, Tier tier);

struct OpenedStore {
  std::unique_ptr<rocksdb::DB> db;
  std::vector<rocksdb::ColumnFamilyHandle*> families;
  std::set<std::string> damaged_families;  // Hold files that cannot be opened; to be read file by file.
  std::vector<std::string> damage;         // For people; empty = all is well.
  bool whole = true;                       // False where metadata or files may be gone.
};

Result<OpenedStore> open_store(const StoreOptions& options, const std::shared_ptr<BackgroundState>& background);
// Writes nothing and opens nothing that is not whole: kCorruption, kIo.
Result<OpenedStore> open_store_read_only(const StoreOptions& options);

// Path of each live file of a column family.
std::vector<std::string> files_of(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* family);

}  // namespace dragonfly
