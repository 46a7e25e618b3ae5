// What ChunkDb tells of itself.
#include "store/tsdb/chunk_db.h"

namespace dragonfly {
namespace {

struct Sizes {
  uint64_t bytes = 0;
  size_t partitions = 0;
};

Sizes sizes_of(const StoreCore& core, const PartitionList& partitions) {
  Sizes out;
  out.partitions = partitions.size();
  for (const auto& partition : partitions) {
    uint64_t files = 0;
    uint64_t memory = 0;
    core.db->GetIntProperty(partition->family, rocksdb::DB::Properties::kLiveSstFilesSize, &files);
    core.db->GetIntProperty(partition->family, rocksdb::DB::Properties::kCurSizeAllMemTables, &memory);
    out.bytes += files + memory;
  }
  return out;
}

}  // namespace

void ChunkDb::write_metrics(MetricsText& text) const {
  const TsdbStats& stats = core_.stats;
  const Sizes fresh = sizes_of(core_, core_.partitions.of_tier(Tier::kFresh));
  const Sizes raw = sizes_of(core_, core_.partitions.of_tier(Tier::kRaw));
  text.family("dragonfly_store_bytes", "gauge",
              "Bytes that the chunks of a tier take; fresh: raw rows not merged yet.");
  text.sample(fresh.bytes, "tier=\"fresh\"");
  text.sample(raw.bytes, "tier=\"raw\"");
  text.family("dragonfly_store_partitions", "gauge", "Partitions of a tier.");
  text.sample(static_cast<uint64_t>(fresh.partitions), "tier=\"fresh\"");
  text.sample(static_cast<uint64_t>(raw.partitions), "tier=\"raw\"");
  text.gauge("dragonfly_store_queue", "Batches that wait to be written.",
             static_cast<double>(stats.queue_batches.value()));
  text.gauge("dragonfly_store_background_error", "1 while RocksDB takes no writes.",
             background_error().empty() ? 0 : 1);
  text.gauge("dragonfly_store_merge_lag_seconds", "How long the oldest hour that is over has waited to be merged.",
             seconds(merger_.lag()));
  text.counter("dragonfly_store_chunks_written_total", "Chunks written, also merged ones.", stats.chunks_written);
  text.counter("dragonfly_store_chunks_merged_total", "Chunks that were merged into larger ones.", stats.chunks_merged);
  text.counter("dragonfly_store_hours_merged_total", "Hours merged.", stats.hours_merged);
  text.counter("dragonfly_store_rows_written_total", "Rows written in chunks.", stats.rows_written);
  text.counter("dragonfly_store_rows_known_total", "Late rows that the store had already.", stats.rows_duplicate);
  text.counter("dragonfly_store_batches_failed_total", "Batches that could not be written.", stats.batches_failed);
  text.counter("dragonfly_store_damaged_total", "Damaged chunks and blocks met while reading.", stats.chunks_damaged);
  text.counter("dragonfly_store_reads_total", "Reads answered.", stats.reads);
  text.counter("dragonfly_store_reads_failed_total", "Reads that failed.", stats.reads_failed);
  text.histogram("dragonfly_store_checkpoint_seconds", "How long a checkpoint took.", stats.checkpoint_time);
  text.histogram("dragonfly_store_merge_seconds", "How long the merge of an hour took.", stats.merge_time);
}

}  // namespace dragonfly
