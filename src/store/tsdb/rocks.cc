#include "store/tsdb/rocks.h"

#include <rocksdb/sst_file_reader.h>
#include <rocksdb/table.h>
#include <rocksdb/write_buffer_manager.h>

#include <algorithm>

namespace dragonfly {
namespace {

namespace fs = std::filesystem;

// Far beyond what is met: a merge that writes faster than it is compacted must not slow down who writes new rows.
constexpr int kFilesNever = 10'000;

rocksdb::DBOptions database_options(const StoreOptions& options, const std::shared_ptr<BackgroundState>& background,
                                    bool paranoid) {
  rocksdb::DBOptions out;
  out.write_buffer_manager = std::make_shared<rocksdb::WriteBufferManager>(options.write_buffer_bytes);
  out.create_if_missing = true;
  out.create_missing_column_families = true;
  out.paranoid_checks = paranoid;
  out.atomic_flush = true;                 // Chunks, metadata and log_begin reach the disk together or not at all.
  out.avoid_flush_during_shutdown = true;  // Only checkpoint() promises anything; closing stays fast.
  out.max_background_jobs = 2;
  out.keep_log_file_num = 2;
  out.max_log_file_size = size_t{4} << 20;
  out.info_log_level = rocksdb::InfoLogLevel::WARN_LEVEL;
  out.stats_dump_period_sec = 0;
  out.allow_fallocate = false;  // Room taken ahead would be missing where the disk is full.
  if (background) out.listeners.push_back(background);
  return out;
}

bool is_new(const fs::path& directory) {
  std::error_code error;
  return !fs::exists(directory, error) || fs::is_empty(directory, error);
}

rocksdb::Status try_open(const StoreOptions& options, const std::shared_ptr<BackgroundState>& background, bool paranoid,
                         OpenedStore& out) {
  const rocksdb::DBOptions database = database_options(options, background, paranoid);
  std::vector<std::string> names;
  if (is_new(options.directory)) {
    names = {rocksdb::kDefaultColumnFamilyName};
  } else if (auto status = rocksdb::DB::ListColumnFamilies(database, options.directory, &names); !status.ok()) {
    return status;
  }
  if (std::ranges::find(names, kMetaFamily) == names.end()) names.emplace_back(kMetaFamily);
  std::vector<rocksdb::ColumnFamilyDescriptor> families;
  for (const auto& name : names) {
    const auto known = parse_partition_name(name);
    families.emplace_back(name, family_options(options, known ? known->tier : Tier::kRaw));
  }
  rocksdb::DB* db = nullptr;
  auto status = rocksdb::DB::Open(database, options.directory, families, &out.families, &db);
  out.db.reset(db);
  return status;
}

void close(OpenedStore& store) {
  for (auto* family : store.families) store.db->DestroyColumnFamilyHandle(family);
  store.families.clear();
  store.db.reset();
}

// What no setting aside helps against; the operator must act.
bool is_environment(const rocksdb::Status& status) {
  const std::string text = status.ToString();
  return status.IsNoSpace() || text.find("Permission denied") != text.npos ||
         (text.find("LOCK") != text.npos && status.IsIOError());
}

// After an open that tolerated files which do not open: finds them. False where metadata are among them.
bool find_damaged(OpenedStore& store) {
  for (auto* family : store.families) {
    for (const auto& path : files_of(*store.db, family)) {
      rocksdb::SstFileReader reader{rocksdb::Options{}};
      if (auto status = reader.Open(path); !status.ok()) {
        if (family->GetName() == kMetaFamily) return false;
        store.damaged_families.insert(family->GetName());
        store.damage.push_back(
            fmt::format("{}: file {} is damaged and not served: {}", family->GetName(), path, status.ToString()));
      }
    }
  }
  return true;
}

// Renames the directory to the first free name of "store.damaged", "store.damaged.2", …
Result<std::string> set_aside(const fs::path& directory) {
  std::error_code error;
  for (int i = 1;; ++i) {
    const fs::path target = directory.string() + (i == 1 ? ".damaged" : fmt::format(".damaged.{}", i));
    if (fs::exists(target, error)) continue;
    fs::rename(directory, target, error);
    if (error)
      return fail(ErrorCode::kIo, "cannot rename {} to {}: {}", directory.string(), target.string(), error.message());
    return target.string();
  }
}

}  // namespace

Error to_error(const rocksdb::Status& status, std::string_view doing) {
  ErrorCode code = ErrorCode::kIo;
  if (status.IsNoSpace()) code = ErrorCode::kNoSpace;
  if (status.IsCorruption()) code = ErrorCode::kCorruption;
  return {code, fmt::format("{}: {}", doing, status.ToString())};
}

std::string BackgroundState::error() const {
  const std::lock_guard lock(mutex_);
  return error_;
}

void BackgroundState::clear() {
  const std::lock_guard lock(mutex_);
  error_.clear();
}

std::set<std::string> BackgroundState::take_damaged() {
  const std::lock_guard lock(mutex_);
  return std::exchange(damaged_, {});
}

void BackgroundState::OnBackgroundError(rocksdb::BackgroundErrorReason reason, rocksdb::Status* status) {
  // A damaged block met by a compaction costs that partition its compactions, not the store its writes.
  if (reason == rocksdb::BackgroundErrorReason::kCompaction && status->IsCorruption()) {
    *status = rocksdb::Status::OK();
    return;
  }
  const std::lock_guard lock(mutex_);
  error_ = status->ToString();
}

void BackgroundState::OnCompactionCompleted(rocksdb::DB*, const rocksdb::CompactionJobInfo& job) {
  if (!job.status.IsCorruption()) return;
  const std::lock_guard lock(mutex_);
  damaged_.insert(job.cf_name);
}

rocksdb::ColumnFamilyOptions family_options(const StoreOptions& options, Tier tier) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = options.block_cache;
  // A few chunks: what one damaged block costs. Fresh ones are small.
  table.block_size = (tier == Tier::kFresh ? 4 : 8) * 1024;
  // Of a month of partitions the indexes alone would need much memory; in the cache they count.
  table.cache_index_and_filter_blocks = true;
  rocksdb::ColumnFamilyOptions out;
  out.compression = rocksdb::kNoCompression;  // Chunks are compressed by their codec.
  out.bottommost_compression = rocksdb::kNoCompression;
  out.write_buffer_size = options.write_buffer_bytes;
  out.arena_block_size = 64 * 1024;  // Most families hold little: by default each would take 1 MiB.
  out.level0_slowdown_writes_trigger = kFilesNever;
  out.level0_stop_writes_trigger = kFilesNever;
  out.soft_pending_compaction_bytes_limit = 0;
  out.hard_pending_compaction_bytes_limit = 0;
  // A fresh family lives for an hour or so and is then dropped: few rewrites count more than few files.
  if (tier == Tier::kFresh) {
    out.compaction_style = rocksdb::kCompactionStyleUniversal;
    out.level0_file_num_compaction_trigger = 8;
  }
  out.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return out;
}

std::vector<std::string> files_of(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* family) {
  rocksdb::ColumnFamilyMetaData meta;
  db.GetColumnFamilyMetaData(family, &meta);
  std::vector<std::string> out;
  for (const auto& level : meta.levels) {
    for (const auto& file : level.files) out.push_back(file.db_path + file.name);
  }
  return out;
}

Result<OpenedStore> open_store(const StoreOptions& options, const std::shared_ptr<BackgroundState>& background) {
  std::error_code error;
  fs::create_directories(options.directory, error);
  if (error) return fail(ErrorCode::kIo, "cannot make {}: {}", options.directory.string(), error.message());
  fs::permissions(options.directory, fs::perms::owner_all, error);

  OpenedStore strict;
  auto status = try_open(options, background, true, strict);
  if (status.ok()) return strict;
  close(strict);
  if (is_environment(status)) {
    Error out = to_error(status, fmt::format("cannot open {}", options.directory.string()));
    if (out.code != ErrorCode::kNoSpace)
      out.code = out.message.find("LOCK") != std::string::npos ? ErrorCode::kUnavailable : ErrorCode::kPermissionDenied;
    return fail(std::move(out));
  }
  const std::string cause = status.ToString();

  // A file that does not open: the others are served.
  OpenedStore lenient;
  if (try_open(options, background, false, lenient).ok() && find_damaged(lenient)) {
    lenient.whole = false;
    if (lenient.damage.empty()) lenient.damage.push_back(fmt::format("store opened in spite of: {}", cause));
    return lenient;
  }
  close(lenient);

  // Its table of contents is damaged: it can be made anew from the files.
  OpenedStore repaired;
  repaired.whole = false;
  rocksdb::Options repair_options(database_options(options, nullptr, true), family_options(options, Tier::kRaw));
  if (rocksdb::RepairDB(options.directory, repair_options).ok() && try_open(options, background, true, repaired).ok()) {
    repaired.damage.push_back(
        fmt::format("store was damaged and rebuilt from its files; what could not be read lies in {}: {}",
                    (options.directory / "lost").string(), cause));
    return repaired;
  }
  close(repaired);

  auto aside = set_aside(options.directory);
  if (!aside) return fail(aside.error());
  OpenedStore fresh;
  fresh.whole = false;
  fs::create_directories(options.directory, error);
  fs::permissions(options.directory, fs::perms::owner_all, error);
  if (status = try_open(options, background, true, fresh); !status.ok()) {
    close(fresh);
    return fail(to_error(status, fmt::format("cannot make a new {}", options.directory.string())));
  }
  fresh.damage.push_back(
      fmt::format("store could not be opened and was set aside as {}; a new one was made: {}", *aside, cause));
  return fresh;
}

Result<OpenedStore> open_store_read_only(const StoreOptions& options) {
  const rocksdb::DBOptions database = database_options(options, nullptr, true);
  std::vector<std::string> names;
  auto status = rocksdb::DB::ListColumnFamilies(database, options.directory, &names);
  std::vector<rocksdb::ColumnFamilyDescriptor> families;
  for (const auto& name : names) {
    const auto known = parse_partition_name(name);
    families.emplace_back(name, family_options(options, known ? known->tier : Tier::kRaw));
  }
  OpenedStore out;
  rocksdb::DB* db = nullptr;
  if (status.ok()) status = rocksdb::DB::OpenForReadOnly(database, options.directory, families, &out.families, &db);
  if (!status.ok())
    return fail(to_error(status, fmt::format("{} cannot be opened as a whole", options.directory.string())));
  out.db.reset(db);
  return out;
}

}  // namespace dragonfly
