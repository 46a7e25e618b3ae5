#include "store/tsdb/chunk_db.h"

#include <rocksdb/db.h>

#include <algorithm>

#include "base/core/assert.h"
#include "base/core/crc32c.h"
#include "base/rt/worker_pool.h"
#include "store/chunk/chunk_codec.h"
#include "store/tsdb/partition_scan.h"
#include "store/tsdb/rocks.h"
#include "store/tsdb/store_keys.h"

namespace dragonfly {
namespace {

constexpr std::string_view kModule = "store";
// Keys of the column family "meta": the store's own, and what put_metadata was given.
constexpr std::string_view kSequenceKey = "i/sequence";
constexpr std::string_view kLogBeginKey = "i/log_begin";
constexpr std::string_view kUserPrefix = "u/";
constexpr size_t kDamageLinesMax = 32;

rocksdb::WriteOptions write_options() {
  rocksdb::WriteOptions out;
  out.disableWAL = true;                      // The log below the heads holds the rows until checkpoint().
  out.ignore_missing_column_families = true;  // Rows of a partition that is dropped meanwhile are not missed.
  return out;
}

rocksdb::Slice slice(std::string_view text) { return {text.data(), text.size()}; }
rocksdb::Slice slice(const Bytes& bytes) { return slice(as_text(bytes)); }

// A value in "meta": the bytes, then the CRC32C of key and bytes.
Bytes meta_value(std::string_view key, ByteView value) {
  Bytes out(value.begin(), value.end());
  ByteWriter(out).u32(crc32c(value, crc32c(as_bytes(key))));
  return out;
}

std::optional<ByteView> open_meta_value(std::string_view key, std::string_view stored) {
  if (stored.size() < 4) return std::nullopt;
  const ByteView value = as_bytes(stored.substr(0, stored.size() - 4));
  if (ByteReader(as_bytes(stored.substr(value.size()))).u32() != crc32c(value, crc32c(as_bytes(key)))) return std::nullopt;
  return value;
}

Bytes meta_number(std::string_view key, uint64_t number) {
  Bytes value;
  ByteWriter(value).u64(number);
  return meta_value(key, value);
}

// Where the chunk that begins with row `begin` ends.
size_t chunk_end(const ColumnSet& rows, size_t begin) {
  const int64_t hour = partition_hour(rows.times_ns[begin]);
  const size_t last = std::min(rows.rows(), begin + chunk_rows_max(rows.columns.size()));
  size_t end = begin + 1;
  while (end < last && rows.times_ns[end] - rows.times_ns[begin] < kChunkSpanMax.count() &&
         partition_hour(rows.times_ns[end]) == hour)
    ++end;
  return end;
}

// True where every field of row `row` is in row `known_row` of `known`, bit for bit.
bool has_fields(const ColumnSet& known, size_t known_row, const ColumnSet& rows, size_t row) {
  for (size_t i = 0; i < rows.columns.size(); ++i) {
    const Column& column = rows.columns[i];
    if (column.present[row] == 0) continue;
    if (i >= known.columns.size() || known.columns[i].type != column.type || known.columns[i].present[known_row] == 0 ||
        known.columns[i].bits[known_row] != column.bits[row])
      return false;
  }
  return true;
}

}  // namespace

Result<std::unique_ptr<ChunkDb>> ChunkDb::open(const ChunkDbOptions& options, Executor& readers, Clock& clock) {
  std::unique_ptr<ChunkDb> db(new ChunkDb(options, readers, clock));
  DF_TRY(db->start());
  return db;
}

ChunkDb::ChunkDb(const ChunkDbOptions& options, Executor& readers, Clock& clock)
    : options_(options),
      store_(new StoreOptions{std::filesystem::path(options.directory) / "store", options.write_buffer_bytes,
                              rocksdb::NewLRUCache(options.block_cache_bytes)}),
      readers_(readers),
      clock_(clock),
      background_(std::make_shared<BackgroundState>()) {}

ChunkDb::~ChunkDb() {
  {
    const std::lock_guard lock(queue_mutex_);
    closing_ = true;
  }
  queue_changed_.notify_all();
  if (thread_.joinable()) thread_.join();
  {
    std::unique_lock lock(reads_mutex_);
    reads_closed_ = true;
    reads_changed_.wait(lock, [this] { return reads_running_ == 0; });
  }
  partitions_.clear();
  if (db_) {
    db_->DestroyColumnFamilyHandle(default_);
    db_->DestroyColumnFamilyHandle(meta_);
  }
}

Result<> ChunkDb::start() {
  auto opened = open_store(*store_, background_);
  if (!opened) return fail(opened.error());
  db_ = std::move(opened->db);
  for (auto* family : opened->families) {
    const std::string& name = family->GetName();
    if (name == kMetaFamily) {
      meta_ = family;
    } else if (name == rocksdb::kDefaultColumnFamilyName) {
      default_ = family;
    } else if (const auto hour = parse_partition_name(name)) {
      auto partition = std::make_shared<Partition>(*db_, family, *hour);
      partition->damaged = opened->damaged_families.contains(name);
      partitions_.emplace(*hour, std::move(partition));
    } else {
      tell_damage(fmt::format("column family '{}' is of another version and not served", name), nullptr);
      db_->DestroyColumnFamilyHandle(family);
    }
  }
  DF_ASSERT(meta_ != nullptr && default_ != nullptr);
  for (auto& text : opened->damage) {
    log_error(kModule, "{}", text);
    const std::lock_guard lock(damage_mutex_);
    damage_.push_back(std::move(text));
  }
  DF_TRY(load_metadata(opened->whole));
  stop_compacting_damaged();
  thread_ = std::thread([this] { run(); });
  return {};
}

Result<> ChunkDb::load_metadata(bool whole) {
  bool found = false;
  for (const std::string_view key : {kSequenceKey, kLogBeginKey}) {
    std::string stored;
    const auto status = db_->Get(rocksdb::ReadOptions(), meta_, slice(key), &stored);
    if (status.IsNotFound()) continue;
    const auto value = status.ok() ? open_meta_value(key, stored) : std::nullopt;
    if (!value || value->size() != 8) {
      tell_damage(fmt::format("metadata '{}' is damaged", key), nullptr);
      continue;
    }
    const uint64_t number = ByteReader(*value).u64();
    if (key == kSequenceKey) {
      sequence_ = number;
      found = true;
    } else {
      log_begin_ = number;
    }
  }
  if (found && whole) return {};
  // The newest sequence may be lost with the metadata: the chunks' own keys tell it.
  for (const auto& [hour, partition] : partitions_) {
    const std::unique_ptr<rocksdb::Iterator> it(db_->NewIterator(rocksdb::ReadOptions(), partition->family));
    for (it->SeekToFirst(); it->Valid(); it->Next()) {
      if (const auto key = decode_chunk_key(it->key().ToStringView())) sequence_ = std::max(sequence_, key->sequence);
    }
    if (!it->status().ok()) {
      partition->damaged = true;
      // Not all of its chunks can be seen; a wide step keeps what comes newer than any of them.
      sequence_ += uint64_t{1} << 32;
    }
  }
  return {};
}

bool ChunkDb::append(std::vector<SealedRows> batch, ChunkStore::Done done) {
  {
    const std::lock_guard lock(queue_mutex_);
    if (closing_ || queue_.size() >= options_.queue_max) return false;
    queue_.push_back({std::move(batch), std::move(done)});
    ++taken_;
    stats_.queue_batches.set(static_cast<int64_t>(queue_.size()));
  }
  queue_changed_.notify_all();
  return true;
}

void ChunkDb::run() {
  name_this_thread("store");
  while (true) {
    Batch batch;
    {
      std::unique_lock lock(queue_mutex_);
      queue_changed_.wait(lock, [this] { return closing_ || !queue_.empty(); });
      if (queue_.empty()) return;
      batch = std::move(queue_.front());
      queue_.pop_front();
      stats_.queue_batches.set(static_cast<int64_t>(queue_.size()));
    }
    auto outcome = write(batch.rows);
    if (!outcome) stats_.batches_failed.add();
    batch.done(std::move(outcome));
    {
      const std::lock_guard lock(queue_mutex_);
      ++finished_;
    }
    queue_changed_.notify_all();
  }
}

Result<SealOutcome> ChunkDb::write(std::vector<SealedRows>& batch) {
  resume_after_error();
  stop_compacting_damaged();
  SealOutcome outcome;
  rocksdb::WriteBatch pending;
  for (SealedRows& series : batch) {
    if (series.late) {
      // What came before in this batch must be seen by the look-up.
      DF_TRY(commit(pending));
      const auto known = drop_known_rows(series);
      if (!known) return fail(known.error());
      outcome.rows_duplicate += *known;
    }
    if (series.rows.empty()) continue;
    DF_TRY(add_chunks(pending, series));
    outcome.rows_stored += series.rows.rows();
  }
  DF_TRY(commit(pending));
  stats_.rows_written.add(outcome.rows_stored);
  stats_.rows_duplicate.add(outcome.rows_duplicate);
  return outcome;
}

Result<> ChunkDb::add_chunks(rocksdb::WriteBatch& out, const SealedRows& series) {
  Bytes value;
  for (size_t begin = 0; begin < series.rows.rows();) {
    const size_t end = chunk_end(series.rows, begin);
    const int64_t start_ns = series.rows.times_ns[begin];
    auto partition = partition_for(start_ns);
    if (!partition) return fail(partition.error());
    const std::string key = encode_chunk_key({series.group, series.vm, series.device, start_ns, ++sequence_});
    value.clear();
    encode_chunk(value, as_bytes(key), series.group, series.rows, begin, end);
    const auto status = out.Put((*partition)->family, key, slice(value));
    DF_ASSERT(status.ok());
    begin = end;
  }
  return {};
}

Result<> ChunkDb::commit(rocksdb::WriteBatch& pending) {
  const auto chunks = static_cast<uint64_t>(pending.Count());
  if (chunks == 0) return {};
  // In the same batch and, by the atomic flush, on disk together: a sequence is never given twice.
  DF_ASSERT(pending.Put(meta_, slice(kSequenceKey), slice(meta_number(kSequenceKey, sequence_))).ok());
  const auto status = db_->Write(write_options(), &pending);
  pending.Clear();
  if (!status.ok()) return fail(to_error(status, "cannot write chunks"));
  stats_.chunks_written.add(chunks);
  return {};
}

// Late rows that the store has already go; returns how many went.
Result<size_t> ChunkDb::drop_known_rows(SealedRows& series) {
  if (series.rows.empty()) return 0;
  ReadRequest request;
  request.vms = {series.vm};
  request.group = series.group;
  request.devices = ReadRequest::Devices::kNamed;
  request.device_names = {series.device};
  request.range = {from_unix_ns(series.rows.times_ns.front()), from_unix_ns(series.rows.times_ns.back() + 1)};
  const auto known = answer(request);
  if (!known) return fail(known.error());
  if (known->series.empty()) return 0;
  const ColumnSet& stored = known->series.front().rows;
  ColumnSet fresh;
  for (const Column& column : series.rows.columns) fresh.columns.push_back({column.type, {}, {}});
  size_t dropped = 0;
  for (size_t row = 0; row < series.rows.rows(); ++row) {
    const auto at = std::ranges::lower_bound(stored.times_ns, series.rows.times_ns[row]);
    const auto index = static_cast<size_t>(at - stored.times_ns.begin());
    if (at != stored.times_ns.end() && *at == series.rows.times_ns[row] && has_fields(stored, index, series.rows, row)) {
      ++dropped;
    } else {
      fresh.append_from(series.rows, row);
    }
  }
  series.rows = std::move(fresh);
  return dropped;
}

void ChunkDb::resume_after_error() {
  if (background_->error().empty()) return;
  if (db_->Resume().ok()) {
    background_->clear();
    log_info(kModule, "writing goes on after an error");
  }
}

void ChunkDb::stop_compacting_damaged() {
  auto names = background_->take_damaged();
  std::vector<std::shared_ptr<Partition>> damaged;
  {
    const std::lock_guard lock(partitions_mutex_);
    for (const auto& [hour, partition] : partitions_) {
      if (names.contains(partition_name(hour))) partition->damaged = true;
      if (partition->damaged && !partition->compacting_stopped.exchange(true)) damaged.push_back(partition);
    }
  }
  for (const auto& partition : damaged) {
    const auto status = db_->SetOptions(partition->family, {{"disable_auto_compactions", "true"}});
    tell_damage(fmt::format("{} holds damaged data; it is served as far as it can be read and not merged any more{}",
                            partition_name(partition->hour), status.ok() ? "" : ": " + status.ToString()),
                nullptr);
  }
}

Result<std::shared_ptr<Partition>> ChunkDb::partition_for(int64_t time_ns) {
  const int64_t hour = partition_hour(time_ns);
  {
    const std::lock_guard lock(partitions_mutex_);
    if (const auto at = partitions_.find(hour); at != partitions_.end()) return at->second;
  }
  const std::lock_guard families(families_mutex_);
  rocksdb::ColumnFamilyHandle* family = nullptr;
  const auto status = db_->CreateColumnFamily(family_options(*store_), partition_name(hour), &family);
  if (!status.ok()) return fail(to_error(status, fmt::format("cannot make partition {}", partition_name(hour))));
  auto partition = std::make_shared<Partition>(*db_, family, hour);
  const std::lock_guard lock(partitions_mutex_);
  partitions_.emplace(hour, partition);
  return partition;
}

Result<> ChunkDb::put_metadata(std::string_view key, ByteView value) {
  resume_after_error();
  const std::string full = std::string(kUserPrefix) + std::string(key);
  const auto status = db_->Put(write_options(), meta_, full, slice(meta_value(full, value)));
  if (!status.ok()) return fail(to_error(status, fmt::format("cannot write metadata '{}'", key)));
  return {};
}

Result<> ChunkDb::visit_metadata(std::string_view prefix, const Visit& visit) {
  const std::string full = std::string(kUserPrefix) + std::string(prefix);
  rocksdb::ReadOptions options;
  // Each value has its own checksum: a flipped bit then costs one entry and not the block around it.
  options.verify_checksums = false;
  const std::unique_ptr<rocksdb::Iterator> it(db_->NewIterator(options, meta_));
  size_t damaged = 0;
  for (it->Seek(full); it->Valid() && it->key().ToStringView().starts_with(full); it->Next()) {
    const std::string_view key = it->key().ToStringView();
    if (const auto value = open_meta_value(key, it->value().ToStringView())) {
      visit(key.substr(kUserPrefix.size()), *value);
    } else {
      ++damaged;
    }
  }
  if (damaged > 0) tell_damage(fmt::format("{} entries of metadata '{}' are damaged", damaged, prefix), nullptr);
  if (!it->status().ok())
    tell_damage(fmt::format("metadata '{}' cannot be read to its end: {}", prefix, it->status().ToString()), nullptr);
  return {};
}

Result<> ChunkDb::checkpoint(LogPosition log_begin) {
  const MonotonicTime started = clock_.monotonic();
  {
    std::unique_lock lock(queue_mutex_);
    const uint64_t upto = taken_;
    queue_changed_.wait(lock, [&] { return finished_ >= upto; });
  }
  resume_after_error();
  const std::lock_guard families(families_mutex_);
  const Bytes value = meta_number(kLogBeginKey, offset_of(log_begin));
  if (const auto status = db_->Put(write_options(), meta_, slice(kLogBeginKey), slice(value)); !status.ok())
    return fail(to_error(status, "cannot write the checkpoint"));
  const auto partitions = partitions_between(INT64_MIN, INT64_MAX);
  std::vector<rocksdb::ColumnFamilyHandle*> all{meta_};
  for (const auto& partition : partitions) all.push_back(partition->family);
  rocksdb::FlushOptions options;
  options.allow_write_stall = true;
  if (const auto status = db_->Flush(options, all); !status.ok()) return fail(to_error(status, "cannot flush the checkpoint"));
  log_begin_ = offset_of(log_begin);
  stats_.checkpoint_time.observe(seconds(clock_.monotonic() - started));
  return {};
}

LogPosition ChunkDb::log_begin() const { return LogPosition{log_begin_.load()}; }

Result<size_t> ChunkDb::drop_before(Timestamp limit) {
  const std::lock_guard families(families_mutex_);
  size_t dropped = 0;
  for (const auto& partition : partitions_between(INT64_MIN, INT64_MAX)) {
    if (partition->end_ns() > unix_ns(limit)) continue;
    if (const auto status = db_->DropColumnFamily(partition->family); !status.ok())
      return fail(to_error(status, fmt::format("cannot drop partition {}", partition_name(partition->hour))));
    const std::lock_guard lock(partitions_mutex_);
    partitions_.erase(partition->hour);
    ++dropped;
  }
  return dropped;
}

std::vector<std::string> ChunkDb::damage() const {
  const std::lock_guard lock(damage_mutex_);
  return damage_;
}

std::string ChunkDb::background_error() const { return background_->error(); }

void ChunkDb::tell_damage(std::string text, std::vector<std::string>* missing) {
  uint64_t held_back = 0;
  if (damage_log_.allow(clock_.monotonic(), held_back))
    log_error(kModule, "{}{}", text, held_back == 0 ? "" : fmt::format(" (and {} more like it)", held_back));
  if (missing != nullptr && missing->size() < kDamageLinesMax) missing->push_back(text);
  const std::lock_guard lock(damage_mutex_);
  if (std::ranges::find(damage_, text) != damage_.end()) return;
  if (damage_.size() >= kDamageLinesMax) damage_.erase(damage_.begin());
  damage_.push_back(std::move(text));
}

std::vector<std::shared_ptr<Partition>> ChunkDb::partitions_between(int64_t begin_ns, int64_t end_ns) const {
  const std::lock_guard lock(partitions_mutex_);
  std::vector<std::shared_ptr<Partition>> out;
  for (const auto& [hour, partition] : partitions_) {
    if (partition->end_ns() > begin_ns && partition->begin_ns() < end_ns) out.push_back(partition);
  }
  return out;
}

void ChunkDb::write_metrics(MetricsText& text) const {
  uint64_t bytes = 0;
  const auto partitions = partitions_between(INT64_MIN, INT64_MAX);
  for (const auto& partition : partitions) {
    uint64_t files = 0;
    uint64_t memory = 0;
    db_->GetIntProperty(partition->family, rocksdb::DB::Properties::kLiveSstFilesSize, &files);
    db_->GetIntProperty(partition->family, rocksdb::DB::Properties::kCurSizeAllMemTables, &memory);
    bytes += files + memory;
  }
  text.family("dragonfly_store_bytes", "gauge", "Bytes that the chunks of a tier take.");
  text.sample(bytes, "tier=\"raw\"");
  text.gauge("dragonfly_store_partitions", "Raw partitions.", static_cast<double>(partitions.size()));
  text.gauge("dragonfly_store_queue", "Batches that wait to be written.", static_cast<double>(stats_.queue_batches.value()));
  text.gauge("dragonfly_store_background_error", "1 while RocksDB takes no writes.", background_error().empty() ? 0 : 1);
  text.counter("dragonfly_store_chunks_written_total", "Chunks written.", stats_.chunks_written);
  text.counter("dragonfly_store_rows_written_total", "Rows written in chunks.", stats_.rows_written);
  text.counter("dragonfly_store_rows_known_total", "Late rows that the store had already.", stats_.rows_duplicate);
  text.counter("dragonfly_store_batches_failed_total", "Batches that could not be written.", stats_.batches_failed);
  text.counter("dragonfly_store_damaged_total", "Damaged chunks and blocks met while reading.", stats_.chunks_damaged);
  text.counter("dragonfly_store_reads_total", "Reads answered.", stats_.reads);
  text.counter("dragonfly_store_reads_failed_total", "Reads that failed.", stats_.reads_failed);
  text.histogram("dragonfly_store_checkpoint_seconds", "How long a checkpoint took.", stats_.checkpoint_time);
}

}  // namespace dragonfly
