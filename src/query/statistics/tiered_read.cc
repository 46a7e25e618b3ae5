#include "query/statistics/tiered_read.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "base/core/assert.h"
#include "model/rollup/counter.h"

namespace dragonfly {
namespace {

constexpr Duration kMinute = std::chrono::minutes(1);
constexpr RollupTier kTiers[] = {{"1d", 24h}, {"1h", 1h}, {"1m", kMinute}};

// The whole minutes within the range; empty where there are none.
TimeRange whole_minutes(TimeRange range) {
  const Timestamp floor = floor_to(range.begin, kMinute);
  TimeRange out{floor == range.begin ? floor : floor + kMinute, floor_to(range.end, kMinute)};
  if (out.begin >= out.end) out.begin = out.end = range.begin;
  return out;
}

// One question on its way: first the rollups, then the rows of what they do not cover.
class Reading {
 public:
  Reading(SeriesReader& reader, const TieredRead& read)
      : reader_(reader),
        read_(read),
        parts_(read.statistic == Statistic::kP95 ? RollupParts{} : parts_for(read.statistic)),
        kinds_(kinds_of(read.select.group, read.select.fields)) {
    DF_ASSERT(!read.select.fields.empty() && read.step > Duration::zero());
  }

  Result<TieredAnswer> run() {
    const TimeRange minutes = whole_minutes(read_.range);
    if (coarsest_tier(read_.step, read_.statistic) != nullptr && minutes.begin < minutes.end) {
      DF_TRY(read_rollups(minutes));
    } else {
      rows_wanted_[{{read_.range.begin, read_.range.end}}] = read_.select.vms;
    }
    for (const auto& [ranges, vms] : rows_wanted_) {
      for (const auto& [begin, end] : ranges) DF_TRY(read_rows({begin, end}, vms));
    }
    return finish();
  }

 private:
  using Key = std::pair<VmId, std::string>;
  using Ranges = std::vector<std::pair<Timestamp, Timestamp>>;

  Result<> read_rollups(TimeRange minutes) {
    RollupRequest request;
    static_cast<SeriesSelection&>(request) = read_.select;
    request.range = minutes;
    request.period = read_.step;
    request.parts = parts_;
    request.rows_max = read_.limits.rows_max;
    request.cancellation = read_.limits.cancellation;
    auto answer = read_rollups_and_wait(reader_, std::move(request), read_.limits.left(), read_.limits.waiting);
    if (!answer) return fail(std::move(answer).error());
    add_missing(out_.missing_parts, answer->missing_parts);
    out_.used_rollups = !answer->series.empty();
    for (SeriesRollups& one : answer->series) pieces_[{one.vm, std::move(one.device)}].push_back(std::move(one.rows));
    std::vector<TimeRange> edges;
    if (read_.range.begin < minutes.begin) edges.push_back({read_.range.begin, minutes.begin});
    if (minutes.end < read_.range.end) edges.push_back({minutes.end, read_.range.end});
    std::map<VmId, std::vector<TimeRange>> wanted;
    for (const VmId vm : read_.select.vms) wanted[vm] = edges;
    for (const VmRanges& one : answer->uncovered) unite(wanted[one.vm], one.ranges);
    for (const auto& [vm, of_vm] : wanted) {
      Ranges ranges;
      for (const TimeRange range : of_vm) ranges.emplace_back(range.begin, range.end);
      if (!ranges.empty()) rows_wanted_[ranges].push_back(vm);
    }
    return {};
  }

  Result<> read_rows(TimeRange range, const std::vector<VmId>& vms) {
    ReadRequest request;
    static_cast<SeriesSelection&>(request) = read_.select;
    request.vms = vms;
    request.range = range;
    request.previous_within = look_back(kinds_);
    request.rows_max = read_.limits.rows_max;
    request.cancellation = read_.limits.cancellation;
    auto answer = read_and_wait(reader_, std::move(request), read_.limits.left(), read_.limits.waiting);
    if (!answer) return fail(std::move(answer).error());
    add_missing(out_.missing_parts, answer->missing_parts);
    const bool whole = range.begin == read_.range.begin && range.end == read_.range.end;
    for (SeriesRows& series : answer->series) {
      DF_ASSERT(series.rows.columns.size() == kinds_.size());
      if (whole) {
        add(series.vm, std::move(series.device), bucketize(series.rows, kinds_, read_.statistic, read_.step, range));
      } else {
        // As minutes: then what lies earlier than a rollup has an earlier time.
        pieces_[{series.vm, std::move(series.device)}].push_back(
            roll_rows(series.rows, kinds_, kMinute, range, parts_));
      }
    }
    return {};
  }

  void add(VmId vm, std::string device, std::vector<Bucket> buckets) {
    if (!buckets.empty()) out_.series.push_back({vm, std::move(device), std::move(buckets)});
  }

  // The pieces of one series lie apart from each other in time, but for a minute that the range cuts.
  std::vector<Bucket> joined(std::vector<ColumnSet>& pieces) const {
    ColumnSet all = std::move(pieces.front());
    for (const ColumnSet& piece : std::span(pieces).subspan(1)) all.append_all(piece);
    all.sort_and_merge();
    if (read_.step != kMinute)
      all = roll_rollups(all, kinds_, read_.step, {Timestamp::min(), Timestamp::max()}, parts_);
    return buckets_of(all, kinds_, read_.statistic);
  }

  TieredAnswer finish() {
    for (auto& [key, pieces] : pieces_) add(key.first, key.second, joined(pieces));
    std::ranges::sort(out_.series, [](const BucketSeries& a, const BucketSeries& b) {
      return std::tie(a.vm, a.device) < std::tie(b.vm, b.device);
    });
    return std::move(out_);
  }

  SeriesReader& reader_;
  const TieredRead& read_;
  const RollupParts parts_;
  const std::vector<MetricKind> kinds_;
  std::map<Ranges, std::vector<VmId>> rows_wanted_;  // VMs whose rows are read over the same ranges, together.
  std::map<Key, std::vector<ColumnSet>> pieces_;
  TieredAnswer out_;
};

}  // namespace

Result<TieredAnswer> read_buckets(SeriesReader& reader, const TieredRead& read) { return Reading(reader, read).run(); }

const RollupTier* coarsest_tier(Duration step, Statistic statistic) {
  if (statistic == Statistic::kP95 || step <= Duration::zero()) return nullptr;
  const auto at =
      std::ranges::find_if(kTiers, [&](const RollupTier& tier) { return step % tier.period == Duration::zero(); });
  return at == std::end(kTiers) ? nullptr : at;
}

Duration look_back(std::span<const MetricKind> kinds) {
  return std::ranges::count(kinds, MetricKind::kCounter) > 0 ? kCounterGapMax : Duration::zero();
}

void add_missing(std::vector<std::string>& to, std::vector<std::string>& from) {
  for (auto& text : from) {
    if (std::ranges::find(to, text) == to.end()) to.push_back(std::move(text));
  }
}

}  // namespace dragonfly
