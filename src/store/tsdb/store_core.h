// StoreCore: what the writing, reading and merging halves of the chunk store share.
//
// Units      none.
// Ownership  owns the database and its families; part of ChunkDb.
// Threading  any thread; write_mutex says who may write chunks.
// Errors     kNoSpace, kIo.
// Limits     none.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <set>

#include "base/core/bytes.h"
#include "store/tsdb/damage_book.h"
#include "store/tsdb/partitions.h"
#include "store/tsdb/tsdb_stats.h"

namespace dragonfly {

// Keys of "meta": from where on the log is needed; raw_from_hour.
inline constexpr std::string_view kLogBeginKey = "i/log_begin";
inline constexpr std::string_view kRawFromKey = "i/raw_from";

rocksdb::WriteOptions chunk_write_options();

struct StoreCore {
  StoreCore(StoreOptions store_options, const Clock& its_clock)
      : options(std::move(store_options)), clock(its_clock), partitions(options, its_clock), damage(its_clock) {}
  ~StoreCore();
  StoreCore(const StoreCore&) = delete;
  StoreCore& operator=(const StoreCore&) = delete;

  // Opens the database and its partitions. Returns false where metadata or files may be gone.
  Result<bool> open();
  // Metadata: each value with the CRC32C of key and bytes. A damaged one is told and counts as not there.
  std::optional<Bytes> metadata(std::string_view key);
  void put_metadata(rocksdb::WriteBatch& batch, std::string_view key, ByteView value) const;
  Result<> write(rocksdb::WriteBatch& batch, std::string_view doing);
  // Chunks, metadata and the rest that was written to these families before: on disk together. The caller holds
  // partitions.hold().
  Result<> flush(const PartitionList& list, std::string_view doing);
  void resume_after_error();
  void stop_compacting_damaged();

  const StoreOptions options;
  const Clock& clock;
  TsdbStats stats;
  std::shared_ptr<BackgroundState> background = std::make_shared<BackgroundState>();
  std::unique_ptr<rocksdb::DB> db;
  rocksdb::ColumnFamilyHandle* default_family = nullptr;
  rocksdb::ColumnFamilyHandle* meta = nullptr;
  Partitions partitions;
  DamageBook damage;
  // Hours that an earlier version merged: they have raw chunks and no rollups. Any thread.
  std::set<int64_t> hours_without_rollups() const;
  void set_hours_without_rollups(std::set<int64_t> hours);
  // Raw rows of the hours before it were dropped: their rollups stay as they are.
  std::atomic<int64_t> raw_from_hour{INT64_MIN};
  // Held while a batch goes to fresh partitions, and while some of them are frozen: what a merge does not see lies in a
  // later generation.
  std::mutex write_mutex;

 private:
  mutable std::mutex without_rollups_mutex_;  // The merger writes it, readers copy it.
  std::set<int64_t> without_rollups_;
};

// The bytes of a value in "meta", without its checksum; nullopt where that is wrong.
std::optional<ByteView> open_meta_value(std::string_view key, std::string_view stored);

}  // namespace dragonfly
