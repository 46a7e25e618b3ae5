// ChunkDb: sealed chunks and metadata in RocksDB. Keys: docs/formats/store_keys.md; values: docs/formats/chunk.md.
//
// Units      times in ns, sizes in bytes.
// Ownership  owns its directory and threads; borrows the executor for reads and the clock, which outlive it. The destructor
//            writes what is queued, waits for running reads, and flushes nothing: durable is what checkpoint() made so.
// Threading  append(), read(), read_rollups(), set_retention(), drop_old(), copy_to(), merge_all(), damage(), write_metrics(): any thread.
//            put_metadata(), visit_metadata(), checkpoint(): as ChunkStore. `done` of append() runs on the store's thread, that of read() on
//            the executor's or, where it refuses, the caller's; both exactly once.
// Errors     as ChunkStore and SeriesReader. A damaged chunk, file or directory never keeps open() from success and is told
//            by damage(), missing_parts and dragonfly_store_damaged_total.
// Limits     queue_max batches; a chunk lies in one hour; Partitions::kFreshMax hours that wait to be merged; rows_max of a
//            read.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "base/rt/clock.h"
#include "base/rt/executor.h"
#include "model/flow/chunk_store.h"
#include "model/flow/series_reader.h"
#include "store/tsdb/merger.h"

namespace dragonfly {

struct ChunkDbOptions {
  std::string directory;  // The database lies in `directory`/store.
  size_t queue_max = 1024;
  size_t write_buffer_bytes = size_t{32} << 20;  // Of all partitions together.
  size_t block_cache_bytes = size_t{32} << 20;
  MergeOptions merge;
};

class ChunkDb final : public ChunkStore, public SeriesReader {
 public:
  static Result<std::unique_ptr<ChunkDb>> open(const ChunkDbOptions& options, Executor& readers, Clock& clock);
  ~ChunkDb() override;

  [[nodiscard]] bool append(std::vector<SealedRows> batch, ChunkStore::Done done) override;
  Result<> put_metadata(std::span<const Metadata> entries) override;
  Result<> visit_metadata(std::string_view prefix, const Visit& visit) override;
  Result<> checkpoint(LogPosition log_begin) override;
  LogPosition log_begin() const override;

  void read(ReadRequest request, SeriesReader::Done done) override;
  void read_rollups(RollupRequest request, SeriesReader::RollupDone done) override;

  // How long each tier is kept from now on.
  void set_retention(const RetentionTimes& times) { merger_.set_retention(times); }
  // Drops what is old now, as the background does; returns how many partitions went.
  Result<size_t> drop_old() { return merger_.drop_old(); }

  // A store of its own in `directory`, which must not exist: what was appended and put when the call began, as files that
  // are linked where the file system allows it. Its log_begin is that of the last checkpoint.
  Result<> copy_to(const std::filesystem::path& directory);

  // Merges every hour that has small chunks, also the present one; returns how many. Blocks. What is not checkpointed yet
  // is then durable, too.
  Result<size_t> merge_all() { return merger_.merge_all(); }
  // Merges the hours that are due, as the background does.
  Result<size_t> merge_due() { return merger_.merge_due(); }

  // What is not served, for health: one line each, newest last; empty = everything is well.
  std::vector<std::string> damage() const;
  // Why nothing can be written now; empty = it can. Each append and checkpoint tries again.
  std::string background_error() const;
  const TsdbStats& stats() const { return core_.stats; }
  void write_metrics(MetricsText& text) const;

 private:
  struct Batch {
    std::vector<SealedRows> rows;
    ChunkStore::Done done;
  };
  template <class Request, class Answer>
  class ReadTask;
  struct RowRead;

  ChunkDb(const ChunkDbOptions& options, Executor& readers, Clock& clock);
  Result<> start();
  void load_marks(bool whole);
  void load_hours_without_rollups();
  std::optional<uint64_t> load_number(std::string_view key);
  void run();

  Result<SealOutcome> write(std::vector<SealedRows>& batch);
  Result<> add_chunks(rocksdb::WriteBatch& out, const SealedRows& series);
  Result<> commit(rocksdb::WriteBatch& pending);
  Result<size_t> drop_known_rows(SealedRows& series);

  Result<ReadAnswer> answer(const ReadRequest& request);
  Result<RollupAnswer> answer(const RollupRequest& request);
  template <class Request, class Answer>
  void post(Request request, std::function<void(Result<Answer>)> done);
  using FoundParts = std::map<std::string, std::vector<ChunkRows>>;  // By device.
  bool scan_vm(RowRead& read, const ScanSelection& selection, int64_t decode_from_ns, VmId vm, FoundParts& parts,
               std::vector<std::string>& missing);
  ColumnSet with_earlier(RowRead& read, VmId vm, const std::string& device, ColumnSet rows,
                         std::vector<std::string>& missing);
  Result<> read_vm(RowRead& read, VmId vm, ReadAnswer& out);

  const ChunkDbOptions options_;
  Executor& readers_;
  StoreCore core_;
  Merger merger_;

  std::atomic<uint64_t> log_begin_{0};
  uint64_t sequence_ = 0;  // Of the newest chunk; the store's thread alone.

  std::mutex queue_mutex_;  // Whoever appends, and the store's thread.
  std::condition_variable queue_changed_;
  std::deque<Batch> queue_;
  uint64_t taken_ = 0;     // Batches ever taken by append()…
  uint64_t finished_ = 0;  // …and ever written or refused.
  bool closing_ = false;

  std::mutex reads_mutex_;  // Counts reads under way, for the destructor.
  std::condition_variable reads_changed_;
  size_t reads_running_ = 0;
  bool reads_closed_ = false;

  std::thread thread_;
};

}  // namespace dragonfly
