#include "store/tsdb/rollup_read.h"

#include <algorithm>

#include "base/core/assert.h"
#include "model/rollup/counter.h"
#include "store/tsdb/chunk_rows.h"

namespace dragonfly {
namespace {

using Ranges = RollupRead::Ranges;
constexpr Duration kHour(kHourNs);
constexpr Duration kDay = 24 * kHour;

Ranges intersect(const Ranges& a, const Ranges& b) {
  Ranges out;
  for (auto i = a.begin(), j = b.begin(); i != a.end() && j != b.end();) {
    const TimeRange both{std::max(i->begin, j->begin), std::min(i->end, j->end)};
    if (both.begin < both.end) out.push_back(both);
    i->end < j->end ? ++i : ++j;
  }
  return out;
}

Ranges subtract(const Ranges& from, const Ranges& what) {
  Ranges out;
  auto next = what.begin();
  for (TimeRange left : from) {
    while (next != what.end() && next->end <= left.begin) ++next;
    for (auto at = next; at != what.end() && at->begin < left.end; ++at) {
      if (left.begin < at->begin) out.push_back({left.begin, at->begin});
      left.begin = std::max(left.begin, at->end);
    }
    if (left.begin < left.end) out.push_back(left);
  }
  return out;
}

// The whole steps in each range.
Ranges whole(const Ranges& ranges, Duration step) {
  Ranges out;
  for (const TimeRange range : ranges) {
    Timestamp begin = floor_to(range.begin, step);
    if (begin < range.begin) begin += step;
    const Timestamp end = floor_to(range.end, step);
    if (begin < end) out.push_back({begin, end});
  }
  return out;
}

TimeRange span_of(const PartitionName& name) { return {from_unix_ns(name.begin_ns()), from_unix_ns(name.end_ns())}; }

ScanSelection starts_within(ScanSelection selection, Tier tier, const Ranges& ranges) {
  const int64_t first = floor_hours(hour_of(unix_ns(ranges.front().begin)), chunk_hours(tier));
  selection.from_ns = first * kHourNs;
  selection.to_ns = unix_ns(ranges.back().end);
  return selection;
}

// Of each stored rollup the sub-columns that are wanted.
std::vector<size_t> wanted_columns(const RollupRequest& request) {
  DF_ASSERT(!request.fields.empty());
  const auto kinds = kinds_of(request.group, size_t{request.fields.back()} + 1);
  const auto offsets = rollup_offsets(kinds);
  std::vector<size_t> out;
  for (const uint16_t field : request.fields) {
    for (uint8_t bit = 1; bit <= static_cast<uint8_t>(RollupPart::kLast); bit = static_cast<uint8_t>(bit << 1)) {
      const auto part = static_cast<RollupPart>(bit);
      const auto offset = rollup_offset(kinds[field], part);
      if (request.parts.has(part) && offset) out.push_back(offsets[field] + *offset);
    }
  }
  return out;
}

}  // namespace

RollupRead::RollupRead(StoreCore& core, const RollupRequest& request, ScanSelection selection)
    : core_(core),
      request_(request),
      selection_(std::move(selection)),
      counters_(std::ranges::count(kinds_of(request.group, request.fields), MetricKind::kCounter) > 0),
      columns_(wanted_columns(request)),
      empty_(rollup_columns(kinds_of(request.group, request.fields), request.parts)) {}

RollupRead::TierScans RollupRead::open(Tier tier) const {
  TierScans out;
  out.tier = tier;
  for (auto& partition :
       core_.partitions.tier_between(tier, unix_ns(request_.range.begin), unix_ns(request_.range.end))) {
    unite(out.spans, {span_of(partition->name)});
    out.scans.emplace_back(std::move(partition));
  }
  return out;
}

Result<RollupAnswer> RollupRead::run() {
  // No column: of gauges, only what counters have was asked.
  if (request_.range.begin >= request_.range.end || columns_.empty()) return RollupAnswer{};
  // In this order: what is merged meanwhile is then found fresh, or its rollups are.
  without_rollups_ = core_.hours_without_rollups();
  const int64_t reach = counters_ ? kCounterGapMax.count() + kHourNs : 0;
  int64_t from_ns = 0;
  if (__builtin_sub_overflow(unix_ns(request_.range.begin), reach, &from_ns)) from_ns = INT64_MIN;
  for (auto& partition : core_.partitions.tier_between(Tier::kFresh, from_ns, unix_ns(request_.range.end)))
    fresh_.emplace_back(std::move(partition));
  days_ = open(Tier::kDay);
  hours_ = open(Tier::kHour);
  minutes_ = open(Tier::kMinute);
  std::map<VmId, Ranges> excluded;
  for (const VmRanges& vm : request_.excluded) unite(excluded[vm.vm], vm.ranges);
  const std::set<VmId> vms(request_.vms.begin(), request_.vms.end());
  for (const VmId vm : vms) {
    if (request_.cancellation.cancelled()) return fail(ErrorCode::kUnavailable, "nobody waits for the answer any more");
    DF_TRY(read_vm(vm, excluded[vm]));
  }
  for (const TierScans* tier : {&days_, &hours_, &minutes_}) {
    for (const PartitionScan& scan : tier->scans) {
      for (const auto& text : scan.damage()) {
        core_.stats.chunks_damaged.add();
        core_.damage.tell(text, &out_.missing_parts);
      }
    }
  }
  return std::move(out_);
}

Ranges RollupRead::not_merged(VmId vm) {
  Ranges out;
  for (PartitionScan& scan : fresh_) {
    bool found = false;
    ScanSelection all = selection_;
    all.from_ns = INT64_MIN;
    all.to_ns = INT64_MAX;
    TimeRange touched;
    scan.scan(all, vm, [&](const ChunkKey& key, std::string_view, std::string_view) {
      found = true;
      touched.begin = floor_to(from_unix_ns(key.start_ns), kHour);
    });
    if (!found) continue;
    touched.end = touched.begin + kHour;
    if (counters_) touched.end += kCounterGapMax;
    unite(out, {touched});
  }
  for (const int64_t hour : without_rollups_)
    unite(out, {{from_unix_ns(hour * kHourNs), from_unix_ns((hour + 1) * kHourNs)}});
  return intersect(out, {request_.range});
}

RollupRead::Plan RollupRead::plan(Ranges covered) const {
  Plan out;
  const auto take = [&](const TierScans& tier, Duration period) {
    if (request_.period % period != Duration::zero()) return Ranges{};
    Ranges taken = whole(intersect(covered, tier.spans), period);
    covered = subtract(covered, taken);
    return taken;
  };
  out.days = take(days_, kDay);
  out.hours = take(hours_, kHour);
  out.minutes = std::move(covered);
  return out;
}

void RollupRead::tell_damaged(const ChunkKey& key, Tier tier, const std::string& message) {
  core_.stats.chunks_damaged.add();
  core_.damage.tell(fmt::format("{}: {}", chunk_text(key), message), &out_.missing_parts);
  const Timestamp start = from_unix_ns(key.start_ns);
  unite(lost_, {{start, start + chunk_hours(tier) * kHour}});
}

void RollupRead::read_tier(TierScans& tier, VmId vm, const Ranges& ranges) {
  if (ranges.empty()) return;
  const ScanSelection selection = starts_within(selection_, tier.tier, ranges);
  const auto visit = [&](const ChunkKey& key, std::string_view key_bytes, std::string_view value) {
    const auto chunk = ChunkReader::open(as_bytes(key_bytes), as_bytes(value));
    auto rows = chunk ? rows_within(*chunk, columns_, selection.from_ns, selection.to_ns)
                      : Result<ColumnSet>(fail(chunk.error()));
    if (!rows) return tell_damaged(key, tier.tier, rows.error().message);
    if (tier.tier == Tier::kMinute) has_minutes_[key.device].insert(hour_of(key.start_ns));
    if (rows->empty()) return;
    for (size_t i = 0; i < rows->columns.size(); ++i) rows->columns[i].type = empty_.columns[i].type;
    ColumnSet& into = found_.try_emplace(key.device, empty_).first->second;
    for (const TimeRange range : ranges) {
      if (range.end <= from_unix_ns(rows->times_ns.front()) || range.begin > from_unix_ns(rows->times_ns.back()))
        continue;
      ColumnSet part = *rows;
      part.keep(range);
      into.append_all(part);
    }
  };
  for (PartitionScan& scan : tier.scans) scan.scan(selection, vm, visit);
}

// Hours of which a series has a rollup, but no minutes.
void RollupRead::find_minutes_missing(VmId vm, const Ranges& minutes) {
  if (minutes.empty()) return;
  const ScanSelection selection = starts_within(selection_, Tier::kHour, minutes);
  Ranges missing;
  const auto visit = [&](const ChunkKey& key, std::string_view key_bytes, std::string_view value) {
    const auto chunk = ChunkReader::open(as_bytes(key_bytes), as_bytes(value));
    const auto times = chunk ? chunk->times() : Result<std::vector<int64_t>>(fail(chunk.error()));
    if (!times) return tell_damaged(key, Tier::kHour, times.error().message);
    const auto& there = has_minutes_[key.device];
    for (const int64_t time : *times) {
      if (!there.contains(hour_of(time))) unite(missing, {{from_unix_ns(time), from_unix_ns(time) + kHour}});
    }
  };
  for (PartitionScan& scan : hours_.scans) scan.scan(selection, vm, visit);
  unite(lost_, intersect(missing, minutes));
}

Result<> RollupRead::read_vm(VmId vm, const Ranges& excluded) {
  found_.clear();
  has_minutes_.clear();
  lost_.clear();
  Ranges uncovered = not_merged(vm);
  Ranges not_asked = uncovered;
  unite(not_asked, excluded);
  const Plan planned = plan(subtract({request_.range}, not_asked));
  read_tier(days_, vm, planned.days);
  read_tier(hours_, vm, planned.hours);
  read_tier(minutes_, vm, planned.minutes);
  find_minutes_missing(vm, planned.minutes);
  // The scan of hours may have met the chunks of a whole day.
  lost_ = intersect(lost_, subtract({request_.range}, excluded));
  for (auto& [device, rows] : found_) {
    rows.sort_and_merge();
    for (const TimeRange range : lost_) {
      ColumnSet after = rows;
      rows.keep({Timestamp::min(), range.begin});
      after.keep({range.end, Timestamp::max()});
      rows.append_all(after);
    }
    rows_ += rows.rows();
    if (rows_ > request_.rows_max)
      return fail(ErrorCode::kResourceExhausted,
                  "the answer has more than {} rollups; ask for a longer step, a shorter range or fewer VMs",
                  request_.rows_max);
    if (!rows.empty()) out_.series.push_back({vm, device, std::move(rows)});
  }
  unite(uncovered, lost_);
  uncovered = subtract(uncovered, excluded);
  if (!uncovered.empty()) out_.uncovered.push_back({vm, std::move(uncovered)});
  return {};
}

}  // namespace dragonfly
