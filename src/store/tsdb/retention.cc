#include "store/tsdb/retention.h"

#include <algorithm>
#include <array>

#include "base/core/assert.h"
#include "model/rollup/counter.h"
#include "store/tsdb/hour_merge.h"
#include "store/tsdb/series_read.h"

namespace dragonfly {
namespace {

// In "meta": u64 ns, what the retention's clock believed.
constexpr std::string_view kBelievedKey = "i/retention_now";
constexpr size_t kBatchBytes = 16 * 1024;

Bytes number_bytes(int64_t number) {
  Bytes out;
  ByteWriter(out).u64(static_cast<uint64_t>(number));
  return out;
}

// Hours of a partition, so that kPartitionsMax and one being filled cover the retention.
int64_t span_for(Tier tier, Duration kept) {
  const int64_t least = default_hours(tier) * (Retention::kPartitionsMax - 1);
  const int64_t hours = kept / Duration(kHourNs);
  return default_hours(tier) * std::max<int64_t>(1, (hours + least - 1) / least);
}

}  // namespace

void Retention::set(const RetentionTimes& times) {
  const std::lock_guard lock(mutex_);
  times_ = times;
  core_.partitions.set_span(Tier::kRaw, span_for(Tier::kRaw, times.raw));
  core_.partitions.set_span(Tier::kMinute, span_for(Tier::kMinute, times.minutes));
  core_.partitions.set_span(Tier::kHour, span_for(Tier::kHour, times.hours));
  core_.partitions.set_span(Tier::kDay, span_for(Tier::kDay, times.days));
}

void Retention::start() {
  const auto value = core_.metadata(kBelievedKey);
  if (value && value->size() == 8) remembered_ = from_unix_ns(static_cast<int64_t>(ByteReader(*value).u64()));
  clock_ = RetentionClock(remembered_);
}

Result<size_t> Retention::run(const std::function<bool()>& go_on) {
  const auto now = clock_.look(core_.clock.wall(), core_.clock.monotonic());
  if (!now) return 0;
  DF_TRY(remember(*now));
  RetentionTimes times;
  {
    const std::lock_guard lock(mutex_);
    times = times_;
  }
  auto dropped = drop_raw(*now - times.raw - kRawGrace, *now - times.minutes, go_on);
  if (!dropped) return dropped;
  for (const auto& [tier, kept] : {std::pair(Tier::kMinute, times.minutes), std::pair(Tier::kHour, times.hours),
                                   std::pair(Tier::kDay, times.days)}) {
    auto more = drop_rollups(tier, *now - kept);
    if (!more) return more;
    *dropped += *more;
  }
  return dropped;
}

// So that a server that is started again and again drops, too.
Result<> Retention::remember(Timestamp now) {
  if (remembered_ && now >= *remembered_ && now - *remembered_ < RetentionClock::kTolerance) return {};
  rocksdb::WriteBatch batch;
  core_.put_metadata(batch, kBelievedKey, number_bytes(unix_ns(now)));
  DF_TRY(core_.write(batch, "cannot write the time of retention"));
  remembered_ = now;
  return {};
}

Result<size_t> Retention::drop_rollups(Tier tier, Timestamp limit) {
  size_t dropped = 0;
  for (const auto& partition : core_.partitions.of_tier(tier)) {
    if (partition->name.end_ns() > unix_ns(limit)) continue;
    DF_TRY(core_.partitions.drop(*partition));
    ++dropped;
  }
  return dropped;
}

Result<size_t> Retention::drop_raw(Timestamp limit, Timestamp minutes_limit, const std::function<bool()>& go_on) {
  size_t dropped = 0;
  for (const auto& partition : core_.partitions.of_tier(Tier::kRaw)) {
    const PartitionName& name = partition->name;
    if (name.end_ns() > unix_ns(limit)) continue;
    if (!core_.partitions.tier_between(Tier::kFresh, name.begin_ns(), name.end_ns()).empty())
      continue;  // Merged first.
    if (unix_ns(minutes_limit) < name.end_ns()) DF_TRY(make_minutes(name, go_on));
    DF_TRY(forget_hours(name));
    DF_TRY(core_.partitions.drop(*partition));
    ++dropped;
  }
  return dropped;
}

// Of the partition, and of what comes after it as far as its counters reach.
Result<> Retention::make_minutes(const PartitionName& around, const std::function<bool()>& go_on) {
  TierWriter tiers(core_);
  for (const auto& partition :
       core_.partitions.tier_between(Tier::kRaw, around.begin_ns(), around.end_ns() + kCounterGapMax.count()))
    DF_TRY(make_minutes_of(partition, tiers, go_on));
  const auto families = core_.partitions.hold();
  return core_.flush(tiers.touched(), "cannot flush the minutes of old rows");
}

Result<> Retention::make_minutes_of(const std::shared_ptr<Partition>& partition, TierWriter& tiers,
                                    const std::function<bool()>& go_on) {
  const auto without = core_.hours_without_rollups();
  std::vector<PartitionScan> before;
  for (auto& other : core_.partitions.tier_between(Tier::kRaw, partition->name.begin_ns() - kCounterGapMax.count(),
                                                   partition->name.begin_ns()))
    before.emplace_back(std::move(other), PartitionScan::Cache::kBypass);
  SeriesWalk walk(core_, {partition});
  rocksdb::WriteBatch batch;
  while (auto series = walk.next()) {
    if (series->parts.empty()) continue;
    const SeriesName name{series->group, series->vm, series->device};
    const ColumnSet rows = merge_chunks(series->group, {}, series->parts);
    ColumnSet all = SeriesRead(core_, before, name).counters_before(rows, partition->name.begin_ns());
    all.append_all(rows);
    for (size_t row = 0; row < rows.rows();) {
      const int64_t hour = hour_of(rows.times_ns[row]);
      if (without.contains(hour)) DF_TRY(tiers.put(name, hour, all, batch));
      DF_TRY(tiers.put_missing_minutes(name, hour, all, batch));
      while (row < rows.rows() && rows.times_ns[row] < (hour + 1) * kHourNs) ++row;
    }
    DF_TRY(tiers.finish(name, batch));
    if (batch.GetDataSize() >= kBatchBytes) DF_TRY(core_.write(batch, "cannot write the minutes of old rows"));
    if (!go_on()) return fail(ErrorCode::kUnavailable, "the store stops");
  }
  return core_.write(batch, "cannot write the minutes of old rows");
}

Result<> Retention::forget_hours(const PartitionName& raw) {
  rocksdb::WriteBatch batch;
  auto without = core_.hours_without_rollups();
  for (int64_t hour = raw.hour; hour < raw.hour + raw.hours; ++hour) {
    without.erase(hour);
    const std::string key = merged_key(hour);
    DF_ASSERT(batch.Delete(core_.meta, key).ok());
  }
  core_.raw_from_hour = std::max(core_.raw_from_hour.load(), raw.hour + raw.hours);
  core_.put_metadata(batch, kRawFromKey, number_bytes(core_.raw_from_hour));
  DF_TRY(core_.write(batch, "cannot write what raw rows are left"));
  core_.set_hours_without_rollups(std::move(without));
  const auto families = core_.partitions.hold();
  return core_.flush({}, "cannot flush what raw rows are left");
}

}  // namespace dragonfly
