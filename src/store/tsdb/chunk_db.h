// ChunkDb: sealed chunks and metadata in RocksDB. Keys: docs/formats/store_keys.md; values: docs/formats/chunk.md.
//
// Units      times in ns, sizes in bytes.
// Ownership  owns its directory and thread; borrows the executor for reads and the clock, which outlive it. The destructor
//            writes what is queued, waits for running reads, and flushes nothing: durable is what checkpoint() made so.
// Threading  append(), read(), drop_before(), damage(), write_metrics(): any thread. put_metadata(), visit_metadata(),
//            checkpoint(): as ChunkStore. `done` of append() runs on the store's thread, that of read() on the executor's or,
//            where it refuses, the caller's; both exactly once.
// Errors     as ChunkStore and SeriesReader. A damaged chunk, file or directory never keeps open() from success and is told
//            by damage(), missing_parts and dragonfly_store_damaged_total.
// Limits     queue_max batches; a chunk spans less than kChunkSpanMax and lies in one partition; rows_max of a read.
#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "base/obs/log.h"
#include "base/obs/metrics.h"
#include "base/rt/clock.h"
#include "base/rt/executor.h"
#include "model/flow/chunk_store.h"
#include "model/flow/series_reader.h"
#include "store/tsdb/tsdb_stats.h"

namespace rocksdb {
class DB;
class ColumnFamilyHandle;
class WriteBatch;
}  // namespace rocksdb

namespace dragonfly {

struct Partition;
struct ScanSelection;
class PartitionScan;
class BackgroundState;
struct StoreOptions;

// Chunks are split so that a scan need not look back further than this for one that reaches into its range.
inline constexpr Duration kChunkSpanMax = std::chrono::hours(1);

struct ChunkDbOptions {
  std::string directory;  // The database lies in `directory`/store.
  size_t queue_max = 1024;
  size_t write_buffer_bytes = size_t{32} << 20;  // Of each partition.
  size_t block_cache_bytes = size_t{32} << 20;
};

class ChunkDb final : public ChunkStore, public SeriesReader {
 public:
  static Result<std::unique_ptr<ChunkDb>> open(const ChunkDbOptions& options, Executor& readers, Clock& clock);
  ~ChunkDb() override;

  [[nodiscard]] bool append(std::vector<SealedRows> batch, ChunkStore::Done done) override;
  Result<> put_metadata(std::string_view key, ByteView value) override;
  Result<> visit_metadata(std::string_view prefix, const Visit& visit) override;
  Result<> checkpoint(LogPosition log_begin) override;
  LogPosition log_begin() const override;

  void read(ReadRequest request, SeriesReader::Done done) override;

  // Drops the partitions that end at `limit` or before; returns how many.
  Result<size_t> drop_before(Timestamp limit);

  // What is not served, for health: one line each, newest last; empty = everything is well.
  std::vector<std::string> damage() const;
  // Why nothing can be written now; empty = it can. Each append and checkpoint tries again.
  std::string background_error() const;
  const TsdbStats& stats() const { return stats_; }
  void write_metrics(MetricsText& text) const;

 private:
  struct Batch {
    std::vector<SealedRows> rows;
    ChunkStore::Done done;
  };
  class ReadTask;
  struct Found;

  ChunkDb(const ChunkDbOptions& options, Executor& readers, Clock& clock);
  Result<> start();
  Result<> load_metadata(bool whole);
  void run();

  Result<SealOutcome> write(std::vector<SealedRows>& batch);
  Result<> add_chunks(rocksdb::WriteBatch& out, const SealedRows& series);
  Result<> commit(rocksdb::WriteBatch& pending);
  Result<size_t> drop_known_rows(SealedRows& series);
  void resume_after_error();
  void stop_compacting_damaged();

  Result<std::shared_ptr<Partition>> partition_for(int64_t time_ns);
  std::vector<std::shared_ptr<Partition>> partitions_between(int64_t begin_ns, int64_t end_ns) const;

  Result<ReadAnswer> answer(const ReadRequest& request);
  Result<> read_vm(std::vector<PartitionScan>& scans, const ScanSelection& selection, const ReadRequest& request, VmId vm,
                   size_t& rows_left, ReadAnswer& out);
  void tell_damage(std::string text, std::vector<std::string>* missing);

  const ChunkDbOptions options_;
  const std::unique_ptr<const StoreOptions> store_;
  Executor& readers_;
  Clock& clock_;
  TsdbStats stats_;
  RateLimit damage_log_{std::chrono::seconds(10)};

  std::shared_ptr<BackgroundState> background_;
  std::unique_ptr<rocksdb::DB> db_;
  rocksdb::ColumnFamilyHandle* default_ = nullptr;
  rocksdb::ColumnFamilyHandle* meta_ = nullptr;

  // Changes of the set of column families and flushes of them exclude each other.
  std::mutex families_mutex_;
  mutable std::mutex partitions_mutex_;
  std::map<int64_t, std::shared_ptr<Partition>> partitions_;  // By first hour.

  mutable std::mutex damage_mutex_;
  std::vector<std::string> damage_;

  std::atomic<uint64_t> log_begin_{0};
  uint64_t sequence_ = 0;  // Of the newest chunk; the store's thread alone.

  std::mutex queue_mutex_;
  std::condition_variable queue_changed_;
  std::deque<Batch> queue_;
  uint64_t taken_ = 0;     // Batches ever taken by append()…
  uint64_t finished_ = 0;  // …and ever written or refused.
  bool closing_ = false;

  std::mutex reads_mutex_;
  std::condition_variable reads_changed_;
  size_t reads_running_ = 0;
  bool reads_closed_ = false;

  std::thread thread_;
};

}  // namespace dragonfly
