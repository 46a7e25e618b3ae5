#include "store/tsdb/store_core.h"

#include "base/core/assert.h"
#include "base/core/crc32c.h"

namespace dragonfly {
namespace {

rocksdb::Slice slice(std::string_view text) { return {text.data(), text.size()}; }

}  // namespace

rocksdb::WriteOptions chunk_write_options() {
  rocksdb::WriteOptions out;
  out.disableWAL = true;                      // The log below the heads holds the rows until checkpoint().
  out.ignore_missing_column_families = true;  // Rows of a partition that is dropped meanwhile are not missed.
  return out;
}

std::optional<ByteView> open_meta_value(std::string_view key, std::string_view stored) {
  if (stored.size() < 4) return std::nullopt;
  const ByteView value = as_bytes(stored.substr(0, stored.size() - 4));
  const uint32_t sum = ByteReader(as_bytes(stored.substr(value.size()))).u32();
  if (sum != crc32c(value, crc32c(as_bytes(key)))) return std::nullopt;
  return value;
}

StoreCore::~StoreCore() {
  partitions.clear();
  if (!db) return;
  if (default_family != nullptr) db->DestroyColumnFamilyHandle(default_family);
  if (meta != nullptr) db->DestroyColumnFamilyHandle(meta);
}

Result<bool> StoreCore::open() {
  auto opened = open_store(options, background);
  if (!opened) return fail(opened.error());
  db = std::move(opened->db);
  partitions.attach(*db);
  for (auto* family : opened->families) {
    const std::string& name = family->GetName();
    if (name == kMetaFamily) {
      meta = family;
    } else if (name == rocksdb::kDefaultColumnFamilyName) {
      default_family = family;
    } else if (const auto known = parse_partition_name(name)) {
      partitions.add(family, *known)->damaged = opened->damaged_families.contains(name);
    } else {
      damage.tell(fmt::format("column family '{}' is of another version and not served", name));
      db->DestroyColumnFamilyHandle(family);
    }
  }
  DF_ASSERT(meta != nullptr && default_family != nullptr);
  for (auto& text : opened->damage) damage.tell(std::move(text));
  return opened->whole;
}

std::optional<Bytes> StoreCore::metadata(std::string_view key) {
  std::string stored;
  const auto status = db->Get(rocksdb::ReadOptions(), meta, slice(key), &stored);
  if (status.IsNotFound()) return std::nullopt;
  const auto value = status.ok() ? open_meta_value(key, stored) : std::nullopt;
  if (value) return Bytes(value->begin(), value->end());
  damage.tell(fmt::format("metadata '{}' is damaged", key));
  return std::nullopt;
}

void StoreCore::put_metadata(rocksdb::WriteBatch& batch, std::string_view key, ByteView value) const {
  Bytes stored(value.begin(), value.end());
  ByteWriter(stored).u32(crc32c(value, crc32c(as_bytes(key))));
  DF_ASSERT(batch.Put(meta, slice(key), slice(as_text(stored))).ok());
}

Result<> StoreCore::write(rocksdb::WriteBatch& batch, std::string_view doing) {
  const auto status = db->Write(chunk_write_options(), &batch);
  batch.Clear();
  if (!status.ok()) return fail(to_error(status, doing));
  return {};
}

Result<> StoreCore::flush(const PartitionList& list, std::string_view doing) {
  std::vector<rocksdb::ColumnFamilyHandle*> families{meta};
  for (const auto& partition : list) families.push_back(partition->family);
  rocksdb::FlushOptions flush;
  flush.allow_write_stall = true;
  if (const auto status = db->Flush(flush, families); !status.ok()) return fail(to_error(status, doing));
  return {};
}

void StoreCore::resume_after_error() {
  if (background->error().empty()) return;
  if (db->Resume().ok()) {
    background->clear();
    log_info("store", "writing goes on after an error");
  }
}

void StoreCore::stop_compacting_damaged() {
  const auto names = background->take_damaged();
  for (const auto& partition : partitions.all()) {
    if (names.contains(partition->text)) partition->damaged = true;
    if (!partition->damaged || partition->compacting_stopped.exchange(true)) continue;
    const auto status = db->SetOptions(partition->family, {{"disable_auto_compactions", "true"}});
    damage.tell(fmt::format("{} holds damaged data; it is served as far as it can be read and not compacted any more{}",
                            partition->text, status.ok() ? "" : ": " + status.ToString()));
  }
}

std::set<int64_t> StoreCore::hours_without_rollups() const {
  const std::lock_guard lock(without_rollups_mutex_);
  return without_rollups_;
}

void StoreCore::set_hours_without_rollups(std::set<int64_t> hours) {
  const std::lock_guard lock(without_rollups_mutex_);
  without_rollups_ = std::move(hours);
}

}  // namespace dragonfly
