#include "query/statistics/questions.h"

#include "base/core/assert.h"

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

// The columns that are asked for, in that order; one that the rows do not have is absent throughout.
void select_columns(ColumnSet& rows, const std::vector<uint16_t>& fields) {
  std::vector<Column> selected;
  selected.reserve(fields.size());
  for (const uint16_t field : fields) {
    if (field < rows.columns.size()) {
      selected.push_back(rows.columns[field]);
    } else {
      selected.push_back({ValueType::kFloat64, std::vector<uint64_t>(rows.rows()), std::vector<uint8_t>(rows.rows())});
    }
  }
  rows.columns = std::move(selected);
}

std::vector<MetricKind> kinds_of_fields(GroupId group, const std::vector<uint16_t>& fields) {
  const auto all = kinds_of(group, kFieldsMax);
  std::vector<MetricKind> out;
  for (const uint16_t field : fields) out.push_back(field < all.size() ? all[field] : MetricKind::kGauge);
  return out;
}

void add_missing(std::vector<std::string>& to, std::vector<std::string>& from) {
  for (auto& text : from) {
    if (std::ranges::find(to, text) == to.end()) to.push_back(std::move(text));
  }
}

Result<> check(const Query& query) {
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

// Gathers the series of one query.
class Gathered {
 public:
  explicit Gathered(const Query& query) : query_(query), kinds_(kinds_of_fields(query.group, query.fields)) {}

  Result<> add(const QueryVm& vm, const std::string& device, ColumnSet rows) {
    select_columns(rows, query_.fields);
    const Labels labels = labels_of(vm, device, query_.by);
    if (query_.step == Duration::zero()) return add_whole(labels, rows_with_rates(rows, kinds_, query_.range));
    if (query_.by == GroupBy::kVm)
      return add_whole(labels, bucketize(rows, kinds_, query_.statistic, query_.step, query_.range));
    return add_to_group(labels, bucketize(rows, kinds_, statistic_within(query_.statistic), query_.step, query_.range));
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
  const std::vector<MetricKind> kinds_;
  std::vector<QuerySeries> whole_;
  std::map<Labels, std::map<Timestamp, std::vector<Across>>> groups_;
  size_t cells_ = 0;
  size_t values_ = 0;
};

// How many VMs are read at once, by what their rows are likely to be.
size_t batch_size(const Query& query) {
  const double tick_s = query.interval > Duration::zero() ? seconds(query.interval) : 1;
  const double rows_per_vm = seconds(query.range.end - query.range.begin) / tick_s;
  const double vms = static_cast<double>(kRowsPerReadMax) / 4 / std::max(rows_per_vm, 1.0);
  return static_cast<size_t>(std::clamp<int64_t>(static_cast<int64_t>(vms), 1, kBatchVmsMax));
}

}  // namespace

std::optional<GroupBy> find_group_by(std::string_view name) {
  const auto at = std::ranges::find(kGroupByNames, name);
  if (at == std::end(kGroupByNames)) return std::nullopt;
  return static_cast<GroupBy>(at - std::begin(kGroupByNames));
}

Result<InfoAnswer> Questions::info(const InfoQuestion& question) const {
  DF_ASSERT(question.bucket > Duration::zero());
  if (question.duration <= Duration::zero()) return fail(ErrorCode::kInvalidArgument, "duration must be positive");
  if (const auto buckets = question.duration / question.bucket + 1; buckets > static_cast<int64_t>(kBucketsMax))
    return fail(ErrorCode::kInvalidArgument, "duration {} has {} buckets of {}; at most {} are allowed",
                format_duration(question.duration), buckets, format_duration(question.bucket), kBucketsMax);
  ReadRequest request;
  request.vms = {question.vm};
  request.group = question.group;
  // To the end of the running bucket: the VM's clock may be ahead of ours.
  request.range = {floor_to(question.now - question.duration, question.bucket),
                   floor_to(question.now, question.bucket) + question.bucket};
  request.previous_within = previous_within(question.interval);
  request.rows_max = kRowsPerReadMax;
  auto read = read_and_wait(reader_, request, timeout_);
  if (!read) return fail(std::move(read).error());
  InfoAnswer out;
  out.missing_parts = std::move(read->missing_parts);
  if (read->series.empty()) return out;
  const ColumnSet& rows = read->series.front().rows;
  out.buckets = bucketize(rows, kinds_of(question.group, rows.columns.size()), question.statistic, question.bucket,
                          request.range);
  return out;
}

Result<RealTimeAnswer> Questions::real_time(const RealTimeQuestion& question) const {
  ReadRequest request;
  request.vms = {question.vm};
  request.group = question.group;
  constexpr Duration kTick(1);
  TimeRange window{question.now - question.window + kTick, question.now + kTick};  // (now - window, now]
  request.range = window;
  request.previous_within = previous_within(question.interval);
  request.rows_max = kWindowReadMax;
  auto read = read_and_wait(reader_, request, timeout_);
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

Result<QueryAnswer> Questions::query(const Query& query) const {
  DF_TRY(check(query));
  std::map<VmId, const QueryVm*> vms;
  for (const QueryVm& vm : query.vms) vms.emplace(vm.id, &vm);
  std::vector<VmId> ids;
  for (const auto& [id, vm] : vms) ids.push_back(id);

  QueryAnswer out;
  Gathered gathered(query);
  size_t batch = batch_size(query);
  for (size_t at = 0; at < ids.size();) {
    const size_t count = std::min(batch, ids.size() - at);
    ReadRequest request;
    request.vms.assign(ids.begin() + static_cast<ptrdiff_t>(at), ids.begin() + static_cast<ptrdiff_t>(at + count));
    request.group = query.group;
    request.devices = query.devices;
    request.device_names = query.device_names;
    request.range = query.range;
    request.previous_within = previous_within(query.interval);
    request.rows_max = kRowsPerReadMax;
    auto read = read_and_wait(reader_, std::move(request), timeout_);
    if (!read && read.error().code == ErrorCode::kResourceExhausted && count > 1) {
      batch = count / 2;  // More rows than their tick made likely: fewer VMs at once.
      continue;
    }
    if (!read) return fail(std::move(read).error());
    for (SeriesRows& series : read->series) {
      const auto vm = vms.find(series.vm);
      DF_ASSERT(vm != vms.end());
      DF_TRY(gathered.add(*vm->second, series.device, std::move(series.rows)));
    }
    add_missing(out.missing_parts, read->missing_parts);
    at += count;
  }
  out.series = gathered.finish();
  return out;
}

}  // namespace dragonfly
