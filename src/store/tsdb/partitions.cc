#include "store/tsdb/partitions.h"

#include <algorithm>

namespace dragonfly {

std::shared_ptr<Partition> Partitions::add(rocksdb::ColumnFamilyHandle* family, PartitionName name) {
  auto partition = std::make_shared<Partition>(*db_, family, name, clock_.monotonic());
  const std::lock_guard lock(mutex_);
  partitions_.emplace(name, partition);
  return partition;
}

void Partitions::clear() {
  const std::lock_guard lock(mutex_);
  partitions_.clear();
}

PartitionList Partitions::all() const {
  const std::lock_guard lock(mutex_);
  PartitionList out;
  for (const auto& [name, partition] : partitions_) out.push_back(partition);
  return out;
}

PartitionList Partitions::of_tier(Tier tier) const { return tier_between(tier, INT64_MIN, INT64_MAX); }

PartitionList Partitions::tier_between(Tier tier, int64_t begin_ns, int64_t end_ns) const {
  const std::lock_guard lock(mutex_);
  PartitionList out;
  for (const auto& [name, partition] : partitions_) {
    if (name.tier == tier && partition->touches(begin_ns, end_ns)) out.push_back(partition);
  }
  return out;
}

// Under one lock: a chunk that moves from a fresh to a raw partition meanwhile is then in one of the two at least.
PartitionList Partitions::rows_between(int64_t begin_ns, int64_t end_ns) const {
  const std::lock_guard lock(mutex_);
  PartitionList out;
  for (const auto& [name, partition] : partitions_) {
    if (name.tier <= Tier::kRaw && partition->touches(begin_ns, end_ns)) out.push_back(partition);
  }
  return out;
}

Result<std::shared_ptr<Partition>> Partitions::fresh_for(int64_t hour) {
  PartitionName name{Tier::kFresh, hour, 1, 0};
  size_t count = 0;
  {
    const std::lock_guard lock(mutex_);
    std::shared_ptr<Partition> newest;
    for (const auto& [other, partition] : partitions_) {
      if (other.tier != Tier::kFresh) continue;
      ++count;
      if (other.hour == hour) newest = partition;  // Generations ascend.
    }
    if (newest && !newest->frozen) return newest;
    if (newest) name.generation = newest->name.generation + 1;
  }
  if (count >= kFreshMax)
    return fail(ErrorCode::kUnavailable, "rows of {} hours wait to be merged; no further hour is taken now", count);
  return make(name);
}

std::shared_ptr<Partition> Partitions::find_tier(Tier tier, int64_t hour) const {
  const std::lock_guard lock(mutex_);
  std::shared_ptr<Partition> narrowest;
  for (const auto& [name, partition] : partitions_) {
    const bool holds = name.tier == tier && name.hour <= hour && hour < name.hour + name.hours;
    if (holds && (!narrowest || name.hours < narrowest->name.hours)) narrowest = partition;
  }
  return narrowest;
}

Result<std::shared_ptr<Partition>> Partitions::tier_for(Tier tier, int64_t hour) {
  if (auto there = find_tier(tier, hour)) return there;
  return make(partition_around(tier, hour, spans_[static_cast<size_t>(tier)]));
}

Result<std::shared_ptr<Partition>> Partitions::make(PartitionName name) {
  const auto families = hold();
  rocksdb::ColumnFamilyHandle* family = nullptr;
  const auto status = db_->CreateColumnFamily(family_options(options_, name.tier), to_text(name), &family);
  if (!status.ok()) return fail(to_error(status, fmt::format("cannot make partition {}", to_text(name))));
  return add(family, name);
}

PartitionList Partitions::freeze(int64_t hour) {
  PartitionList out;
  for (auto& partition : tier_between(Tier::kFresh, hour * kHourNs, (hour + 1) * kHourNs)) out.push_back(partition);
  const bool some = std::ranges::any_of(out, [](const auto& partition) { return partition->frozen.load(); });
  if (some) std::erase_if(out, [](const auto& partition) { return !partition->frozen; });
  for (auto& partition : out) partition->frozen = true;
  return out;
}

Result<> Partitions::drop(const Partition& partition) {
  const auto families = hold();
  if (const auto status = db_->DropColumnFamily(partition.family); !status.ok())
    return fail(to_error(status, fmt::format("cannot drop partition {}", partition.text)));
  const std::lock_guard lock(mutex_);
  partitions_.erase(partition.name);
  return {};
}

}  // namespace dragonfly
