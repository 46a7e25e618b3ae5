#include "store/tsdb/chunk_db.h"

#include <algorithm>
#include <charconv>

#include "base/core/assert.h"
#include "base/rt/worker_pool.h"

namespace dragonfly {
namespace {

// Keys of the column family "meta": the store's own, and what put_metadata was given.
constexpr std::string_view kSequenceKey = "i/sequence";
constexpr std::string_view kUserPrefix = "u/";
constexpr size_t kMetadataBatch = 1000;  // Entries a write.

Bytes number_bytes(uint64_t number) {
  Bytes out;
  ByteWriter(out).u64(number);
  return out;
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
      readers_(readers),
      core_({std::filesystem::path(options.directory) / "store", options.write_buffer_bytes,
             rocksdb::NewLRUCache(options.block_cache_bytes)},
            clock),
      merger_(core_, options.merge) {}

ChunkDb::~ChunkDb() {
  merger_.stop();
  {
    const std::lock_guard lock(queue_mutex_);
    closing_ = true;
  }
  queue_changed_.notify_all();
  if (thread_.joinable()) thread_.join();
  std::unique_lock lock(reads_mutex_);
  reads_closed_ = true;
  reads_changed_.wait(lock, [this] { return reads_running_ == 0; });
}

Result<> ChunkDb::start() {
  const auto whole = core_.open();
  if (!whole) return fail(whole.error());
  load_marks(*whole);
  load_hours_without_rollups();
  core_.stop_compacting_damaged();
  thread_ = std::thread([this] { run(); });
  merger_.start();
  return {};
}

std::optional<uint64_t> ChunkDb::load_number(std::string_view key) {
  const auto value = core_.metadata(key);
  if (!value || value->size() != 8) return std::nullopt;
  return ByteReader(*value).u64();
}

void ChunkDb::load_marks(bool whole) {
  log_begin_ = load_number(kLogBeginKey).value_or(0);
  const auto sequence = load_number(kSequenceKey);
  sequence_ = sequence.value_or(0);
  if (sequence && whole) return;
  // The newest sequence may be lost with the metadata: the chunks' own keys tell it.
  for (const auto& partition : core_.partitions.all()) {
    const std::unique_ptr<rocksdb::Iterator> it(core_.db->NewIterator(rocksdb::ReadOptions(), partition->family));
    for (it->SeekToFirst(); it->Valid(); it->Next()) {
      if (const auto key = decode_chunk_key(it->key().ToStringView())) sequence_ = std::max(sequence_, key->sequence);
    }
    if (!it->status().ok()) {
      partition->damaged = true;
      // Not all of its chunks can be seen; a wide step keeps what comes newer than any of them.
      sequence_ += uint64_t{1} << 32;
    }
  }
}

void ChunkDb::load_hours_without_rollups() {
  if (const auto from = load_number(kRawFromKey)) core_.raw_from_hour = static_cast<int64_t>(*from);
  std::set<int64_t> hours;
  const std::unique_ptr<rocksdb::Iterator> it(core_.db->NewIterator(rocksdb::ReadOptions(), core_.meta));
  for (it->Seek(std::string(kMergedPrefix)); it->Valid(); it->Next()) {
    const std::string_view key = it->key().ToStringView();
    if (!key.starts_with(kMergedPrefix)) break;
    const auto value = open_meta_value(key, it->value().ToStringView());
    int64_t hour = 0;
    const std::string_view number = key.substr(kMergedPrefix.size());
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), hour);
    if (error == std::errc{} && (!value || value->empty())) hours.insert(hour);
  }
  core_.set_hours_without_rollups(std::move(hours));
}

bool ChunkDb::append(std::vector<SealedRows> batch, ChunkStore::Done done) {
  {
    const std::lock_guard lock(queue_mutex_);
    if (closing_ || queue_.size() >= options_.queue_max) return false;
    queue_.push_back({std::move(batch), std::move(done)});
    ++taken_;
    core_.stats.queue_batches.set(static_cast<int64_t>(queue_.size()));
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
      core_.stats.queue_batches.set(static_cast<int64_t>(queue_.size()));
    }
    auto outcome = write(batch.rows);
    if (!outcome) core_.stats.batches_failed.add();
    batch.done(std::move(outcome), std::move(batch.rows));
    {
      const std::lock_guard lock(queue_mutex_);
      ++finished_;
    }
    queue_changed_.notify_all();
  }
}

Result<SealOutcome> ChunkDb::write(std::vector<SealedRows>& batch) {
  core_.resume_after_error();
  core_.stop_compacting_damaged();
  const std::lock_guard lock(core_.write_mutex);
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
  core_.stats.rows_written.add(outcome.rows_stored);
  core_.stats.tier_rows_written[static_cast<size_t>(Tier::kFresh)].add(outcome.rows_stored);
  core_.stats.rows_duplicate.add(outcome.rows_duplicate);
  return outcome;
}

Result<> ChunkDb::add_chunks(rocksdb::WriteBatch& out, const SealedRows& series) {
  Bytes value;
  for (size_t begin = 0; begin < series.rows.rows();) {
    const size_t end = chunk_end(series.rows, begin);
    const int64_t start_ns = series.rows.times_ns[begin];
    auto partition = core_.partitions.fresh_for(hour_of(start_ns));
    if (!partition) return fail(partition.error());
    const std::string key = encode_chunk_key({series.group, series.vm, series.device, start_ns, ++sequence_});
    value.clear();
    encode_chunk(value, as_bytes(key), series.group, series.rows, begin, end, ChunkEffort::kFast);
    DF_ASSERT(out.Put((*partition)->family, key, rocksdb::Slice(as_text(value).data(), value.size())).ok());
    begin = end;
  }
  return {};
}

Result<> ChunkDb::commit(rocksdb::WriteBatch& pending) {
  const auto chunks = static_cast<uint64_t>(pending.Count());
  if (chunks == 0) return {};
  // In the same batch and, by the atomic flush, on disk together: a sequence is never given twice.
  core_.put_metadata(pending, kSequenceKey, number_bytes(sequence_));
  DF_TRY(core_.write(pending, "cannot write chunks"));
  core_.stats.chunks_written.add(chunks);
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
    if (at != stored.times_ns.end() && *at == series.rows.times_ns[row] &&
        has_fields(stored, index, series.rows, row)) {
      ++dropped;
    } else {
      fresh.append_from(series.rows, row);
    }
  }
  series.rows = std::move(fresh);
  return dropped;
}

Result<> ChunkDb::put_metadata(std::span<const Metadata> entries) {
  core_.resume_after_error();
  rocksdb::WriteBatch batch;
  for (; !entries.empty(); entries = entries.subspan(std::min(entries.size(), kMetadataBatch))) {
    for (const Metadata& entry : entries.first(std::min(entries.size(), kMetadataBatch)))
      core_.put_metadata(batch, std::string(kUserPrefix) + entry.key, entry.value);
    DF_TRY(core_.write(batch, "cannot write metadata"));
  }
  return {};
}

Result<> ChunkDb::visit_metadata(std::string_view prefix, const Visit& visit) {
  const std::string full = std::string(kUserPrefix) + std::string(prefix);
  rocksdb::ReadOptions options;
  // Each value has its own checksum: a flipped bit then costs one entry and not the block around it.
  options.verify_checksums = false;
  const std::unique_ptr<rocksdb::Iterator> it(core_.db->NewIterator(options, core_.meta));
  size_t damaged = 0;
  for (it->Seek(full); it->Valid() && it->key().ToStringView().starts_with(full); it->Next()) {
    const std::string_view key = it->key().ToStringView();
    if (const auto value = open_meta_value(key, it->value().ToStringView())) {
      visit(key.substr(kUserPrefix.size()), *value);
    } else {
      ++damaged;
    }
  }
  if (damaged > 0) core_.damage.tell(fmt::format("{} entries of metadata '{}' are damaged", damaged, prefix));
  if (!it->status().ok())
    core_.damage.tell(fmt::format("metadata '{}' cannot be read to its end: {}", prefix, it->status().ToString()));
  return {};
}

Result<> ChunkDb::checkpoint(LogPosition log_begin) {
  const MonotonicTime started = core_.clock.monotonic();
  {
    std::unique_lock lock(queue_mutex_);
    const uint64_t upto = taken_;
    queue_changed_.wait(lock, [&] { return finished_ >= upto; });
  }
  core_.resume_after_error();
  const auto families = core_.partitions.hold();
  rocksdb::WriteBatch batch;
  core_.put_metadata(batch, kLogBeginKey, number_bytes(offset_of(log_begin)));
  DF_TRY(core_.write(batch, "cannot write the checkpoint"));
  DF_TRY(core_.flush(core_.partitions.all(), "cannot flush the checkpoint"));
  log_begin_ = offset_of(log_begin);
  core_.stats.checkpoint_time.observe(seconds(core_.clock.monotonic() - started));
  return {};
}

LogPosition ChunkDb::log_begin() const { return LogPosition{log_begin_.load()}; }

std::vector<std::string> ChunkDb::damage() const { return core_.damage.lines(); }

std::string ChunkDb::background_error() const { return core_.background->error(); }

}  // namespace dragonfly
