// info and rt-info of a whole MCIS: statistics across its VMs, in all and by CSP and region, and the VMs on top.
#include <algorithm>
#include <map>
#include <tuple>

#include "base/core/names.h"
#include "surface/api/api.h"
#include "surface/api/latest.h"
#include "surface/api/params.h"
#include "surface/api/routes.h"
#include "surface/api/selection.h"
#include "surface/api/subject.h"
#include "surface/api/vm_filter.h"

namespace dragonfly {
namespace {

constexpr size_t kTopUsual = 5;
constexpr size_t kTopMax = 100;
constexpr size_t kValuesMax = 2'000'000;  // Of all VMs, buckets and metrics of one answer.

struct Asked {
  MetricSelection selection;
  Statistic statistic = Statistic::kAvg;  // Of each VM.
  size_t top = kTopUsual;
  std::string ns;
  std::string mcis;
  std::vector<SelectedVm> vms;
};

// The VMs of the path's MCIS; without {ns} in whichever namespace has it.
Result<> find_group(const ApiParts& parts, const PathValues& path, Asked& out) {
  out.mcis = path.get("id");
  DF_TRY(check_name("mcis", out.mcis));
  if (path.has("ns")) DF_TRY(check_name("ns", path.get("ns")));
  std::string namespaces;
  for (VmEntry* vm : parts.directory.vms()) {
    if (vm->identity.mcis != out.mcis || (path.has("ns") && vm->identity.ns != path.get("ns"))) continue;
    if (out.vms.empty() || out.ns != vm->identity.ns) namespaces += (namespaces.empty() ? "" : ", ") + vm->identity.ns;
    out.ns = vm->identity.ns;
    out.vms.push_back({vm, labels_of(parts.directory, *vm)});
  }
  if (out.vms.empty() && path.has("ns"))
    return fail(ErrorCode::kNotFound, "mcis '{}' of namespace '{}' is not known", out.mcis, path.get("ns"));
  if (out.vms.empty()) return fail(ErrorCode::kNotFound, "mcis '{}' is not known in any namespace", out.mcis);
  if (namespaces == out.ns) return {};
  return fail(ErrorCode::kConflict, "mcis '{}' is in several namespaces: {}; ask /dragonfly/ns/{{ns}}/mcis/…", out.mcis,
              namespaces);
}

Result<Asked> read_asked(const ApiParts& parts, const Call& call, std::string_view parameters) {
  DF_TRY(only_parameters(call.request, parameters));
  Asked out;
  auto selection = select_metrics(text_parameter(call.request, "metric", "all"));
  if (!selection) return fail(std::move(selection).error());
  out.selection = std::move(*selection);
  // Before the group is looked for, so that a wrong word is told first; what is usual is its namespace's.
  const auto word = word_parameter(call.request, "statisticsCriteria", "min|max|avg|last", "avg");
  if (!word) return fail(word.error());
  const auto top = count_parameter(call.request, "top", kTopUsual, kTopMax);
  if (!top) return fail(top.error());
  out.top = *top;
  DF_TRY(find_group(parts, call.path, out));
  const std::string statistic =
      text_parameter(call.request, "statisticsCriteria", parts.policy()->of(out.ns).aggregate_type);
  out.statistic = find_statistic(statistic).value_or(Statistic::kAvg);
  return out;
}

// A part of the MCIS over which statistics are taken: all of it, a CSP, a region of a CSP.
struct PartName {
  enum class By : uint8_t { kMcis, kCsp, kRegion } by = By::kMcis;
  std::string csp, region;
  auto operator<=>(const PartName&) const = default;
};

// Values of one metric: each VM's, of one bucket.
using Cell = std::vector<double>;

class GroupTable {
 public:
  GroupTable(const Asked& asked) : asked_(asked) {
    for (const GroupFields& group : asked.selection.groups)
      metrics_.insert(metrics_.end(), group.metrics.begin(), group.metrics.end());
    for (const SelectedVm& vm : asked.vms) {
      for (const PartName& name : parts_of(vm)) ++vms_[name];
    }
    sums_.resize(metrics_.size());
  }

  // The first of the group's metrics has this index; `fields`: one value a metric of the group.
  Result<> add(const SelectedVm& vm, Timestamp time, size_t first_metric,
               std::span<const std::optional<double>> fields) {
    for (size_t i = 0; i < fields.size(); ++i) {
      if (!fields[i]) continue;
      if (++values_ > kValuesMax) {
        return fail(ErrorCode::kResourceExhausted,
                    "the answer takes more than {} values of VMs; ask for one metric or a shorter duration",
                    kValuesMax);
      }
      for (const PartName& name : parts_of(vm)) {
        auto& row = rows_[name][time];
        row.resize(metrics_.size());
        row[first_metric + i].push_back(*fields[i]);
      }
      auto& [sum, count] = sums_[first_metric + i][vm.entry->identity.vm];
      sum += *fields[i];
      ++count;
    }
    return {};
  }
  size_t index_of(const Metric* metric) const {
    return static_cast<size_t>(std::ranges::find(metrics_, metric) - metrics_.begin());
  }

  void write_parts(JsonWriter& json, bool with_times) const {
    json.key("breakdown").begin_array();
    for (const auto& [name, vms] : vms_) {
      json.begin_object();
      write_name(json, name);
      json.field("vms", static_cast<uint64_t>(vms));
      const auto rows = rows_.find(name);
      if (with_times) {
        json.key("values").begin_array();
      } else {
        json.key("value").begin_object();
      }
      if (rows != rows_.end()) write_rows(json, rows->second, with_times);
      with_times ? json.end_array() : json.end_object();
      json.end_object();
    }
    json.end_array();
  }

  // By the mean of a VM's buckets; equal ones by name.
  void write_top(JsonWriter& json) const {
    json.key("top").begin_object();
    for (size_t i = 0; i < metrics_.size(); ++i) {
      if (sums_[i].empty()) continue;
      std::vector<std::pair<double, std::string_view>> means;
      for (const auto& [vm, of_vm] : sums_[i]) means.emplace_back(-of_vm.first / static_cast<double>(of_vm.second), vm);
      const size_t count = std::min(asked_.top, means.size());
      std::ranges::partial_sort(means, means.begin() + static_cast<std::ptrdiff_t>(count));
      json.key(metrics_[i]->name).begin_array();
      for (size_t at = 0; at < count; ++at)
        json.begin_object().field("vmId", means[at].second).field("value", -means[at].first).end_object();
      json.end_array();
    }
    json.end_object();
  }

 private:
  using Row = std::vector<Cell>;  // Index = metric.

  static std::array<PartName, 3> parts_of(const SelectedVm& vm) {
    const std::string csp(vm.labels->label("cspType")), region(vm.labels->label("region"));
    return {PartName{}, {PartName::By::kCsp, csp, {}}, {PartName::By::kRegion, csp, region}};
  }
  static void write_name(JsonWriter& json, const PartName& name) {
    static constexpr std::string_view kNames[] = {"mcis", "csp", "region"};
    json.field("by", kNames[static_cast<size_t>(name.by)]);
    if (name.by != PartName::By::kMcis) json.field("csp", std::string_view(name.csp));
    if (name.by == PartName::By::kRegion) json.field("region", std::string_view(name.region));
  }
  void write_rows(JsonWriter& json, const std::map<Timestamp, Row>& rows, bool with_times) const {
    for (const auto& [time, row] : rows) {
      if (with_times) json.begin_object().field("time", std::string_view(format_rfc3339(time)));
      for (size_t i = 0; i < metrics_.size(); ++i) {
        if (row[i].empty()) continue;
        json.key(metrics_[i]->name).begin_object().field("vms", static_cast<uint64_t>(row[i].size()));
        for (const Statistic one :
             {Statistic::kSum, Statistic::kAvg, Statistic::kMin, Statistic::kMax, Statistic::kP95}) {
          if (const auto value = across(row[i], one)) json.field(dragonfly::to_string(one), *value);
        }
        json.end_object();
      }
      if (with_times) json.end_object();
    }
  }

  const Asked& asked_;
  std::vector<const Metric*> metrics_;
  std::map<PartName, size_t> vms_;
  std::map<PartName, std::map<Timestamp, Row>> rows_;
  std::vector<std::map<std::string, std::pair<double, size_t>, std::less<>>> sums_;  // Index = metric; by VM.
  size_t values_ = 0;
};

Result<> add_buckets(const ApiParts& parts, const Asked& asked, const Cancellation& cancellation, TimeRange range,
                     Duration bucket, GroupTable& table, std::vector<std::string>& missing) {
  std::map<std::string_view, const SelectedVm*> by_name;
  Query query;
  const auto policy = parts.policy();
  for (const SelectedVm& vm : asked.vms) {
    by_name[vm.entry->identity.vm] = &vm;
    query.vms.push_back({vm.entry->id, asked.ns, asked.mcis, vm.entry->identity.vm, {}, {}});
    query.interval = std::max(query.interval, interval_of(*vm.entry, *policy));
  }
  query.range = range;
  query.cancellation = cancellation;
  query.step = bucket;
  query.statistic = asked.statistic;
  for (const GroupFields& group : asked.selection.groups) {
    query.group = group.group;
    query.fields.clear();
    for (const Metric* metric : group.metrics) query.fields.push_back(metric->field);
    const size_t first = table.index_of(group.metrics.front());
    auto answer = parts.questions.query(query);
    if (!answer) return fail(std::move(answer).error());
    for (const QuerySeries& series : answer->series) {
      const auto name = std::ranges::find(series.labels, "vm", &std::pair<std::string, std::string>::first);
      for (const Bucket& row : series.rows) DF_TRY(table.add(*by_name.at(name->second), row.start, first, row.fields));
    }
    missing.insert(missing.end(), answer->missing_parts.begin(), answer->missing_parts.end());
  }
  return {};
}

Result<> add_newest(const ApiParts& parts, const Asked& asked, GroupTable& table) {
  for (const GroupFields& group : asked.selection.groups) {
    const auto values = real_time_values(parts, asked.vms, group.group, asked.statistic);
    if (!values) return fail(values.error());
    for (const SelectedVm& vm : asked.vms) {
      const auto found = values->find(vm.entry->id);
      if (found == values->end()) continue;
      for (const Metric* metric : group.metrics) {
        const std::optional<double> value = value_of(found->second, *metric);
        DF_TRY(table.add(vm, Timestamp{}, table.index_of(metric), {&value, 1}));
      }
    }
  }
  return {};
}

void write_end(JsonWriter& json, const GroupTable& table, bool with_times, const std::vector<std::string>& missing) {
  table.write_parts(json, with_times);
  table.write_top(json);
  if (!missing.empty()) {
    json.key("missing").begin_array();
    for (const std::string& part : missing) json.value(std::string_view(part));
    json.end_array();
  }
  json.end_object();
}

}  // namespace

void answer_group_info(const ApiParts& parts, Call call) {
  const auto asked = read_asked(parts, call, "metric periodType statisticsCriteria duration top");
  if (!asked) return answer_error(call.responder, asked.error());
  const auto period = word_parameter(call.request, "periodType", "m|h|d");
  if (!period) return answer_error(call.responder, period.error());
  const auto duration = look_back_parameter(call.request, "duration");
  if (!duration) return answer_error(call.responder, duration.error());
  const Duration bucket = *period == "m" ? Duration(1min) : *period == "h" ? Duration(1h) : Duration(24h);
  const auto floored = [&](Timestamp time) {
    return time - Duration(((unix_ns(time) % bucket.count()) + bucket.count()) % bucket.count());
  };
  const Timestamp now = parts.clock.wall();
  GroupTable table(*asked);
  std::vector<std::string> missing;
  if (const auto added = add_buckets(parts, *asked, call.request.cancellation,
                                     {floored(now - *duration), floored(now) + bucket}, bucket, table, missing);
      !added) {
    return answer_error(call.responder, added.error());
  }
  std::string out;
  JsonWriter json(out);
  json.begin_object().field("name", std::string_view(asked->selection.name)).key("tags").begin_object();
  json.field("nsId", std::string_view(asked->ns)).field("mcisId", std::string_view(asked->mcis)).end_object();
  json.field("statistic", to_string(asked->statistic)).field("vms", static_cast<uint64_t>(asked->vms.size()));
  write_end(json, table, true, missing);
  answer_json(call.responder, std::move(out));
}

void answer_group_real_time(const ApiParts& parts, Call call) {
  const auto asked = read_asked(parts, call, "metric statisticsCriteria top");
  if (!asked) return answer_error(call.responder, asked.error());
  GroupTable table(*asked);
  if (const auto added = add_newest(parts, *asked, table); !added) return answer_error(call.responder, added.error());
  std::string out;
  JsonWriter json(out);
  json.begin_object().field("nsId", std::string_view(asked->ns)).field("mcisId", std::string_view(asked->mcis));
  json.field("metricName", std::string_view(asked->selection.name));
  const auto now = std::chrono::floor<std::chrono::milliseconds>(parts.clock.wall());
  json.field("time", std::string_view(format_rfc3339(now))).field("statistic", to_string(asked->statistic));
  json.field("vms", static_cast<uint64_t>(asked->vms.size()));
  write_end(json, table, false, {});
  answer_json(call.responder, std::move(out));
}

}  // namespace dragonfly
