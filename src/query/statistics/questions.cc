#include "query/statistics/questions.h"

#include <span>

#include "base/core/assert.h"
#include "base/rt/parallel.h"
#include "query/statistics/tiered_read.h"

namespace dragonfly {
namespace {

constexpr std::string_view kGroupByNames[] = {"vm", "mcis", "ns", "csp", "region", "device", "none"};
// A window may hold more rows than are used of it; beyond this the agent is broken.
constexpr size_t kWindowReadMax = 100'000;
constexpr int64_t kBatchVmsMax = 256;

using Labels = std::vector<std::pair<std::string, std::string>>;

Labels labels_of(const QueryVm& vm, const std::string& device, GroupBy by) {
  Labels out;
  switch (by) {
    case GroupBy::kVm: out = {{"ns", vm.ns}, {"mcis", vm.mcis}, {"vm", vm.vm}}; break;
    case GroupBy::kMcis: out = {{"ns", vm.ns}, {"mcis", vm.mcis}}; break;
    case GroupBy::kNs: out = {{"ns", vm.ns}}; break;
    case GroupBy::kCsp: out = {{"csp", vm.csp}}; break;
    case GroupBy::kRegion: out = {{"csp", vm.csp}, {"region", vm.region}}; break;
    case GroupBy::kDevice:
    case GroupBy::kNone: break;
  }
  if (!device.empty()) out.emplace_back("device", device);
  return out;
}

// The fields of a query, each once.
std::vector<uint16_t> ascending(std::vector<uint16_t> fields) {
  std::ranges::sort(fields);
  fields.erase(std::unique(fields.begin(), fields.end()), fields.end());
  return fields;
}

Statistic statistic_of_each_vm(const Query& query) {
  return query.by == GroupBy::kVm ? query.statistic : statistic_within(query.statistic);
}

// Gathers the series of one query, whose buckets come with the fields() as columns.
class Gathered {
 public:
  explicit Gathered(const Query& query) : query_(query), fields_(ascending(query.fields)) {}
  const std::vector<uint16_t>& fields() const { return fields_; }

  Result<> add(const QueryVm& vm, const std::string& device, std::vector<Bucket> buckets) {
    if (fields_ != query_.fields) {
      for (Bucket& bucket : buckets) bucket.fields = in_the_order_asked(bucket.fields);
    }
    const Labels labels = labels_of(vm, device, query_.by);
    return query_.by == GroupBy::kVm ? add_whole(labels, std::move(buckets)) : add_to_group(labels, buckets);
  }

  std::vector<QuerySeries> finish() {
    for (const auto& [labels, buckets] : groups_) {
      QuerySeries& out = whole_.emplace_back(QuerySeries{labels, {}});
      for (const auto& [start, fields] : buckets) {
        Bucket& bucket = out.rows.emplace_back(Bucket{start, {}});
        for (const Across& values : fields) bucket.fields.push_back(values.result(query_.statistic));
      }
    }
    std::ranges::sort(whole_, {}, &QuerySeries::labels);
    if (query_.top > 0) keep_top();
    return std::move(whole_);
  }

 private:
  FieldValues in_the_order_asked(const FieldValues& values) const {
    FieldValues out;
    for (const uint16_t field : query_.fields)
      out.push_back(values[static_cast<size_t>(std::ranges::lower_bound(fields_, field) - fields_.begin())]);
    return out;
  }

  Result<> count_cells(size_t buckets) {
    cells_ += buckets * query_.fields.size();
    if (cells_ <= kAnswerCellsMax) return {};
    return fail(ErrorCode::kResourceExhausted,
                "the answer has more than {} values; ask for a longer step, a shorter range, fewer metrics or VMs",
                kAnswerCellsMax);
  }

  Result<> add_whole(const Labels& labels, std::vector<Bucket> rows) {
    if (rows.empty()) return {};
    DF_TRY(count_cells(rows.size()));
    whole_.push_back({labels, std::move(rows)});
    return {};
  }

  Result<> add_to_group(const Labels& labels, const std::vector<Bucket>& rows) {
    if (rows.empty()) return {};
    auto& buckets = groups_[labels];
    const size_t before = buckets.size();
    for (const Bucket& row : rows) {
      auto& fields = buckets[row.start];
      fields.resize(query_.fields.size());
      for (size_t i = 0; i < fields.size(); ++i) {
        if (!row.fields[i]) continue;
        fields[i].add(*row.fields[i], query_.statistic);
        ++values_;
      }
    }
    if (query_.statistic == Statistic::kP95 && values_ > kP95ValuesMax)
      return fail(ErrorCode::kResourceExhausted,
                  "p95 over more than {} values; ask for a longer step, a shorter range or fewer VMs", kP95ValuesMax);
    return count_cells(buckets.size() - before);
  }

  // The series with the largest first field (its mean over the range, or its largest, smallest, sum…).
  void keep_top() {
    const auto rank = [&](const QuerySeries& series) {
      Across all;
      for (const Bucket& row : series.rows) {
        if (row.fields[0]) all.add(*row.fields[0], Statistic::kP95);
      }
      const bool counts = query_.statistic == Statistic::kSum || query_.statistic == Statistic::kCount;
      return all.result(counts ? Statistic::kAvg : query_.statistic);  // nullopt is less than any value.
    };
    std::vector<std::pair<std::optional<double>, size_t>> order;
    for (size_t i = 0; i < whole_.size(); ++i) order.emplace_back(rank(whole_[i]), i);
    std::ranges::stable_sort(order, [](const auto& a, const auto& b) { return a.first > b.first; });
    order.resize(std::min(order.size(), query_.top));
    std::vector<QuerySeries> kept;
    for (const auto& [value, index] : order) kept.push_back(std::move(whole_[index]));
    whole_ = std::move(kept);
  }

  const Query& query_;
  const std::vector<uint16_t> fields_;
  std::vector<QuerySeries> whole_;
  std::map<Labels, std::map<Timestamp, std::vector<Across>>> groups_;
  size_t cells_ = 0;
  size_t values_ = 0;
};

// How many VMs are read at once, by what their rows are likely to be.
size_t batch_size(const Query& query, size_t threads) {
  const double tick_s = query.interval > Duration::zero() ? seconds(query.interval) : 1;
  const double length_s = seconds(query.range.end - query.range.begin);
  const RollupTier* tier = coarsest_tier(query.step, statistic_of_each_vm(query));
  constexpr double kNotMerged_s = 2 * 3600;  // The newest hours are rows still.
  const double rows_per_vm = tier == nullptr
                                 ? length_s / tick_s
                                 : std::min(length_s, kNotMerged_s) / tick_s + length_s / seconds(tier->period);
  const double vms =
      static_cast<double>(kRowsPerReadMax) / static_cast<double>(4 * threads) / std::max(rows_per_vm, 1.0);
  return static_cast<size_t>(std::clamp<int64_t>(static_cast<int64_t>(vms), 1, kBatchVmsMax));
}

// The series of some VMs, as buckets or raw rows. Any number of threads at once.
class BatchRead {
 public:
  BatchRead(SeriesReader& reader, const Query& query, const std::vector<uint16_t>& fields, const ReadLimits& limits)
      : reader_(reader), query_(query), fields_(fields), limits_(limits) {}

  Result<TieredAnswer> run(std::span<const VmId> vms) const {
    DF_TRY(limits_.check());
    SeriesSelection select;
    select.vms = {vms.begin(), vms.end()};
    select.group = query_.group;
    select.fields = fields_;
    select.devices = query_.devices;
    select.device_names = query_.device_names;
    return query_.step == Duration::zero() ? read_rates(std::move(select)) : read_steps(std::move(select));
  }

 private:
  Result<TieredAnswer> read_rates(SeriesSelection select) const {
    const auto kinds = kinds_of(select.group, select.fields);
    ReadRequest request;
    static_cast<SeriesSelection&>(request) = std::move(select);
    request.range = query_.range;
    request.previous_within = look_back(kinds);
    request.rows_max = limits_.rows_max;
    request.cancellation = limits_.cancellation;
    auto read = read_and_wait(reader_, std::move(request), limits_.left());
    if (!read) return fail(std::move(read).error());
    TieredAnswer out;
    out.missing_parts = std::move(read->missing_parts);
    for (SeriesRows& series : read->series)
      out.series.push_back({series.vm, std::move(series.device), rows_with_rates(series.rows, kinds, query_.range)});
    return out;
  }

  Result<TieredAnswer> read_steps(SeriesSelection select) const {
    return read_buckets(reader_, {.select = std::move(select),
                                  .range = query_.range,
                                  .step = query_.step,
                                  .statistic = statistic_of_each_vm(query_),
                                  .limits = limits_});
  }

  SeriesReader& reader_;
  const Query& query_;
  const std::vector<uint16_t>& fields_;
  const ReadLimits& limits_;
};

// Gathers what the batches read, in the order of the VMs.
class QueryRun {
 public:
  explicit QueryRun(const Query& query) : query_(query), gathered_(query) {
    for (const QueryVm& vm : query.vms) vms_.emplace(vm.id, &vm);
    for (const auto& [id, vm] : vms_) ids_.push_back(id);
  }
  const std::vector<uint16_t>& fields() const { return gathered_.fields(); }
  std::span<const VmId> left() const { return std::span(ids_).subspan(taken_); }

  // The answer for the first `count` VMs that are left.
  Result<> take(TieredAnswer answer, size_t count) {
    for (BucketSeries& series : answer.series) {
      const auto vm = vms_.find(series.vm);
      DF_ASSERT(vm != vms_.end());
      DF_TRY(gathered_.add(*vm->second, series.device, std::move(series.buckets)));
    }
    add_missing(out_.missing_parts, answer.missing_parts);
    if (answer.used_rollups) out_.tier = coarsest_tier(query_.step, statistic_of_each_vm(query_))->name;
    taken_ += count;
    return {};
  }
  QueryAnswer finish() {
    out_.series = gathered_.finish();
    return std::move(out_);
  }

 private:
  const Query& query_;
  Gathered gathered_;
  std::map<VmId, const QueryVm*> vms_;
  std::vector<VmId> ids_;
  size_t taken_ = 0;
  QueryAnswer out_;
};

}  // namespace

std::optional<GroupBy> find_group_by(std::string_view name) {
  const auto at = std::ranges::find(kGroupByNames, name);
  if (at == std::end(kGroupByNames)) return std::nullopt;
  return static_cast<GroupBy>(at - std::begin(kGroupByNames));
}

Result<> Questions::check(const Query& query) {
  if (query.range.begin >= query.range.end)
    return fail(ErrorCode::kInvalidArgument, "start {} is not before end {}", format_rfc3339(query.range.begin),
                format_rfc3339(query.range.end));
  if (query.fields.empty()) return fail(ErrorCode::kInvalidArgument, "metric: none is given");
  if (query.step < Duration::zero()) return fail(ErrorCode::kInvalidArgument, "step must be positive");
  if (query.step == Duration::zero()) {
    if (query.by == GroupBy::kVm) return {};
    return fail(ErrorCode::kInvalidArgument, "by={} needs a step; raw rows (no step) come with by=vm",
                kGroupByNames[static_cast<size_t>(query.by)]);
  }
  // Unsigned: a range over all times does not fit a Duration.
  const uint64_t length =
      static_cast<uint64_t>(unix_ns(query.range.end)) - static_cast<uint64_t>(unix_ns(query.range.begin));
  const uint64_t buckets = length / static_cast<uint64_t>(query.step.count()) + 1;
  if (buckets > kBucketsMax)
    return fail(ErrorCode::kInvalidArgument, "step {} gives {} buckets in this range; at most {} are allowed",
                format_duration(query.step), buckets, kBucketsMax);
  return {};
}

TimeRange info_range(const InfoQuestion& question) {
  return {floor_to(question.now - question.duration, question.bucket),
          floor_to(question.now, question.bucket) + question.bucket};
}

Result<InfoAnswer> Questions::info(const InfoQuestion& question) const {
  DF_ASSERT(question.bucket > Duration::zero());
  if (question.duration <= Duration::zero()) return fail(ErrorCode::kInvalidArgument, "duration must be positive");
  if (const auto buckets = question.duration / question.bucket + 1; buckets > static_cast<int64_t>(kBucketsMax))
    return fail(ErrorCode::kInvalidArgument, "duration {} has {} buckets of {}; at most {} are allowed",
                format_duration(question.duration), buckets, format_duration(question.bucket), kBucketsMax);
  const size_t width = metrics_of(question.group).size();
  TieredRead read{.limits = {clock_, deadline(), question.cancellation, kRowsPerReadMax, Waiting::kHelps}};
  read.select.vms = {question.vm};
  read.select.group = question.group;
  read.select.fields = question.fields;
  for (size_t field = 0; question.fields.empty() && field < width; ++field)
    read.select.fields.push_back(static_cast<uint16_t>(field));
  read.range = info_range(question);
  read.range = {std::max(read.range.begin, question.only.begin), std::min(read.range.end, question.only.end)};
  DF_ASSERT(read.range.begin < read.range.end);
  read.step = question.bucket;
  read.statistic = question.statistic;
  InfoAnswer out;
  if (read.select.fields.empty()) return out;
  auto answer = read_buckets(reader_, read);
  if (!answer) return fail(std::move(answer).error());
  out.missing_parts = std::move(answer->missing_parts);
  if (answer->series.empty()) return out;
  out.buckets = std::move(answer->series.front().buckets);
  for (Bucket& bucket : out.buckets) {
    FieldValues by_number(width);
    for (size_t i = 0; i < read.select.fields.size(); ++i) {
      if (read.select.fields[i] < width) by_number[read.select.fields[i]] = bucket.fields[i];
    }
    bucket.fields = std::move(by_number);
  }
  return out;
}

Result<RealTimeAnswer> Questions::real_time(const RealTimeQuestion& question) const {
  ReadRequest request;
  request.vms = {question.vm};
  request.group = question.group;
  constexpr Duration kTick(1);
  TimeRange window{question.now - question.window + kTick, question.now + kTick};  // (now - window, now]
  request.range = window;
  request.previous_within = look_back(kinds_of(question.group, metrics_of(question.group).size()));
  request.rows_max = kWindowReadMax;
  request.cancellation = question.cancellation;
  auto read = read_and_wait(reader_, std::move(request), options_.timeout, Waiting::kHelps);
  if (!read) return fail(std::move(read).error());
  RealTimeAnswer out;
  out.missing_parts = std::move(read->missing_parts);
  if (read->series.empty()) return out;
  const ColumnSet& rows = read->series.front().rows;
  // The newest count; those before them only tell what the counters were.
  if (rows.rows() > kWindowRowsMax)
    window.begin = std::max(window.begin, from_unix_ns(rows.times_ns[rows.rows() - kWindowRowsMax]));
  out.values = window_statistic(rows, kinds_of(question.group, rows.columns.size()), question.statistic, window);
  return out;
}

// In rounds: as many batches as there are threads are read, then taken in their order, so that sums do not depend on which
// came first.
Result<QueryAnswer> Questions::query(const Query& query) const {
  DF_TRY(check(query));
  QueryRun run(query);
  const size_t threads = std::min(options_.parallel, std::max<size_t>(run.left().size(), 1));
  const ReadLimits limits{clock_, deadline(), query.cancellation, kRowsPerReadMax / threads};
  const BatchRead read(reader_, query, run.fields(), limits);
  size_t batch = std::min(batch_size(query, threads), (run.left().size() + threads - 1) / threads);
  while (!run.left().empty()) {
    const std::span<const VmId> left = run.left();
    const auto vms_of = [&](size_t i) { return left.subspan(i * batch, std::min(batch, left.size() - i * batch)); };
    const size_t batches = std::min(threads, (left.size() + batch - 1) / batch);
    std::vector<Result<TieredAnswer>> answers(batches, fail(ErrorCode::kUnavailable, "not read"));
    parallel_for(options_.helpers, threads, batches, [&](size_t i) { answers[i] = read.run(vms_of(i)); });
    for (size_t i = 0; i < batches; ++i) {
      const size_t count = vms_of(i).size();
      if (!answers[i] && answers[i].error().code == ErrorCode::kResourceExhausted && count > 1) {
        batch = count / 2;  // More rows than their tick made likely: fewer VMs at once, from this batch on.
        break;
      }
      if (!answers[i]) return fail(std::move(answers[i]).error());
      DF_TRY(run.take(std::move(*answers[i]), count));
    }
  }
  return run.finish();
}

}  // namespace dragonfly
