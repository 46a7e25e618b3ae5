// What ChunkDb tells of itself.
#include <array>

#include "store/tsdb/chunk_db.h"

namespace dragonfly {
namespace {

struct TierLabel {
  Tier tier;
  std::string_view label;
};
constexpr std::array<TierLabel, 5> kTiers{{{Tier::kFresh, "tier=\"fresh\""},
                                           {Tier::kRaw, "tier=\"raw\""},
                                           {Tier::kMinute, "tier=\"1m\""},
                                           {Tier::kHour, "tier=\"1h\""},
                                           {Tier::kDay, "tier=\"1d\""}}};

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
  std::array<Sizes, kTiers.size()> sizes;
  for (size_t i = 0; i < kTiers.size(); ++i) sizes[i] = sizes_of(core_, core_.partitions.of_tier(kTiers[i].tier));
  text.family("dragonfly_store_bytes", "gauge",
              "Bytes that the chunks of a tier take; fresh: raw rows not merged yet; 1m, 1h, 1d: rollups.");
  for (size_t i = 0; i < kTiers.size(); ++i) text.sample(sizes[i].bytes, kTiers[i].label);
  text.family("dragonfly_store_partitions", "gauge", "Partitions of a tier.");
  for (size_t i = 0; i < kTiers.size(); ++i) text.sample(static_cast<uint64_t>(sizes[i].partitions), kTiers[i].label);
  text.family("dragonfly_store_tier_rows_written_total", "counter",
              "Rows written to a tier; one that is written again, as its hour or day goes on, counts again.");
  for (size_t i = 0; i < kTiers.size(); ++i)
    text.sample(stats.tier_rows_written[static_cast<size_t>(kTiers[i].tier)].value(), kTiers[i].label);
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
