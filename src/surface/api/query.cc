// GET /api/v1/query: series over time, of the catalogue's groups and of custom measurements.
#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "query/statistics/query_pieces.h"
#include "surface/api/api.h"
#include "surface/api/params.h"
#include "surface/api/pieces.h"
#include "surface/api/routes.h"
#include "surface/api/subject.h"
#include "surface/api/vm_filter.h"

namespace dragonfly {
namespace {

constexpr size_t kTopMax = 1000;

// One call of Questions: a group, and the VMs that have it.
struct Part {
  Query query;
  std::vector<std::string> columns;  // Names of query.fields.
};

enum class Epoch : uint8_t { kNone, kSeconds, kMilliseconds };

struct Asked {
  Query common;  // Without group, fields and VMs.
  Epoch epoch = Epoch::kNone;
};

Result<> read_devices(const HttpRequest& request, Query& query) {
  const std::string text = text_parameter(request, "device");
  auto names = list_parameter(request, "device");
  if (!names) return fail(std::move(names).error());
  if (text == "*") {
    query.devices = ReadRequest::Devices::kAll;
  } else if (!names->empty()) {
    query.devices = ReadRequest::Devices::kNamed;
    query.device_names = std::move(*names);
  }
  return {};
}

Result<> read_times(const ApiParts& parts, const HttpRequest& request, Query& query) {
  const Timestamp now = parts.clock.wall();
  const auto start = time_parameter(request, "start", now, now - 1h);
  if (!start) return fail(start.error());
  const auto end = time_parameter(request, "end", now, now);
  if (!end) return fail(end.error());
  if (*start >= *end) return fail(ErrorCode::kInvalidArgument, "parameter 'start' must be before 'end'");
  query.range = {*start, *end};
  const std::string step = text_parameter(request, "step");
  if (step.empty()) return {};
  const auto duration = parse_duration(step);
  if (!duration || *duration < 1s || *duration > kLookBackMax) {
    return fail(ErrorCode::kInvalidArgument, "parameter 'step' is '{}'; allowed are 1s to 3650d (10s, 1m, 1h, 1d)",
                step.substr(0, 100));
  }
  query.step = *duration;
  return {};
}

Result<Asked> read_asked(const ApiParts& parts, const HttpRequest& request) {
  DF_TRY(only_parameters(request, "metric group ns mcis vm csp region device start end step statistic by top epoch",
                         "tag."));
  Asked out;
  DF_TRY(read_devices(request, out.common));
  DF_TRY(read_times(parts, request, out.common));
  const auto statistic = word_parameter(request, "statistic", "avg|min|max|last|sum|count|p95", "avg");
  if (!statistic) return fail(statistic.error());
  out.common.statistic = find_statistic(*statistic).value_or(Statistic::kAvg);
  const auto by = word_parameter(request, "by", "vm|mcis|ns|csp|region|device|none", "vm");
  if (!by) return fail(by.error());
  out.common.by = find_group_by(*by).value_or(GroupBy::kVm);
  if (out.common.by == GroupBy::kDevice && out.common.devices == ReadRequest::Devices::kVmOnly) {
    out.common.devices = ReadRequest::Devices::kAll;
  }
  const auto epoch = word_parameter(request, "epoch", "none|s|ms", "none");
  if (!epoch) return fail(epoch.error());
  out.epoch = *epoch == "s" ? Epoch::kSeconds : *epoch == "ms" ? Epoch::kMilliseconds : Epoch::kNone;
  if (!text_parameter(request, "top").empty()) {
    const auto top = count_parameter(request, "top", 0, kTopMax);
    if (!top) return fail(top.error());
    out.common.top = *top;
  }
  return out;
}

QueryVm query_vm(const SelectedVm& vm) {
  const VmIdentity& id = vm.entry->identity;
  return {vm.entry->id,
          id.ns,
          id.mcis,
          id.vm,
          std::string(vm.labels->label("cspType")),
          std::string(vm.labels->label("region"))};
}

tl::unexpected<Error> unknown_metric(std::string_view metric, std::string_view where) {
  return fail(ErrorCode::kInvalidArgument, "parameter 'metric': '{}' is not known in {}", metric.substr(0, 100), where);
}

void add_field(Part& part, const Metric& metric) {
  part.query.fields.push_back(metric.field);
  part.columns.emplace_back(metric.name);
}

// Of one catalogue group, or of several where only metrics are named.
Result<std::vector<Part>> catalogue_parts(const std::optional<GroupId> group, const std::vector<std::string>& names) {
  std::vector<Part> out;
  const auto part_of = [&](GroupId id) -> Part& {
    for (Part& part : out) {
      if (part.query.group == id) return part;
    }
    out.emplace_back().query.group = id;
    return out.back();
  };
  for (const std::string& name : names) {
    const Metric* metric = group ? find_metric(*group, name) : find_metric(name);
    if (metric == nullptr) {
      return unknown_metric(name,
                            group ? fmt::format("group {}", group_name(*group)) : "the catalogue (/api/v1/metrics)");
    }
    add_field(part_of(metric->group), *metric);
  }
  if (group && names.empty()) {
    for (const Metric& metric : metrics_of(*group)) add_field(part_of(*group), metric);
  }
  return out;
}

// A custom measurement belongs to a namespace, and its fields have numbers of their own in each.
Result<std::vector<Part>> measurement_parts(const ApiParts& parts, const std::string& name,
                                            const std::vector<std::string>& fields, const std::vector<QueryVm>& vms) {
  std::vector<Part> out;
  std::map<std::string, std::vector<QueryVm>> by_ns;
  for (const QueryVm& vm : vms) by_ns[vm.ns].push_back(vm);
  bool known = false;
  for (auto& [ns, vms_of_ns] : by_ns) {
    const auto measurement = parts.directory.find_measurement(ns, name);
    if (!measurement) continue;
    known = true;
    Part part;
    part.query.group = measurement->group;
    part.query.vms = std::move(vms_of_ns);
    for (size_t i = 0; i < measurement->fields.size(); ++i) {
      const std::string& field = measurement->fields[i].name;
      if (!fields.empty() && std::find(fields.begin(), fields.end(), field) == fields.end()) continue;
      part.query.fields.push_back(static_cast<uint16_t>(i));
      part.columns.push_back(field);
    }
    if (!part.columns.empty()) out.push_back(std::move(part));
  }
  if (!known && !vms.empty()) {
    return fail(ErrorCode::kInvalidArgument,
                "parameter 'group': '{}' is neither cpu, cpufreq, memory, disk, network nor a measurement of the "
                "selected namespaces",
                name.substr(0, 100));
  }
  if (out.empty() && known) return unknown_metric(fields.front(), "measurement " + name);
  return out;
}

Result<std::vector<Part>> read_parts(const ApiParts& parts, const HttpRequest& request, const Asked& asked) {
  const auto names = list_parameter(request, "metric");
  if (!names) return fail(names.error());
  const std::string group = text_parameter(request, "group");
  if (group.empty() && names->empty()) {
    return fail(ErrorCode::kInvalidArgument, "parameter 'metric' or 'group' is missing; /api/v1/metrics lists them");
  }
  const auto selected = select_vms(parts.directory, request);
  if (!selected) return fail(selected.error());
  const auto policy = parts.policy();
  std::vector<QueryVm> vms;
  Duration interval = policy->server.agent_interval;
  for (const SelectedVm& vm : *selected) {
    vms.push_back(query_vm(vm));
    interval = std::max(interval, interval_of(*vm.entry, *policy));
  }
  const auto catalogue_group = find_group(group);
  auto out = group.empty() || catalogue_group ? catalogue_parts(catalogue_group, *names)
                                              : measurement_parts(parts, group, *names, vms);
  if (!out) return out;
  for (Part& part : *out) {
    Query query = asked.common;
    query.group = part.query.group;
    // A measurement's further tags are its device: without a choice all of its series are meant.
    if (!is_catalogue_group(query.group) && query.devices == ReadRequest::Devices::kVmOnly) {
      query.devices = ReadRequest::Devices::kAll;
    }
    query.fields = std::move(part.query.fields);
    query.vms = part.query.vms.empty() ? vms : std::move(part.query.vms);
    query.interval = interval;
    query.cancellation = request.cancellation;
    part.query = std::move(query);
  }
  return out;
}

void write_time(JsonWriter& json, Timestamp time, Epoch epoch) {
  switch (epoch) {
    case Epoch::kNone: json.value(std::string_view(format_rfc3339(time))); return;
    case Epoch::kSeconds: json.value(static_cast<double>(unix_ms(time)) / 1000); return;
    case Epoch::kMilliseconds: json.value(unix_ms(time)); return;
  }
}

void write_row(JsonWriter& json, const Bucket& row, Epoch epoch) {
  if (epoch == Epoch::kMilliseconds) {
    json.values(unix_ms(row.start), {row.fields.data(), row.fields.size()});
    return;
  }
  json.begin_array();
  write_time(json, row.start, epoch);
  for (const auto& value : row.fields) value ? json.value(*value) : json.null();
  json.end_array();
}

// {"series": […], "tier": …}
class QueryBody final : public JsonBody {
 public:
  QueryBody(const ApiParts& parts, std::vector<Part> asked, Epoch epoch)
      : questions_(parts.questions), asked_(std::move(asked)), epoch_(epoch) {}

 private:
  using Labels = decltype(QuerySeries::labels);
  static constexpr size_t kRowsAtOnce = 2000;

  Result<bool> write_part(JsonWriter& json) override {
    if (std::exchange(begins_, false)) json.begin_object().key("series").begin_array();
    if (series_ < answer_.series.size()) {
      write_rows(json, answer_.series[series_]);
      return true;
    }
    answer_ = {};
    if (at_ == asked_.size()) {
      write_end(json);
      return false;
    }
    if (!pieces_) pieces_ = std::make_unique<QueryPieces>(questions_, std::move(asked_[at_].query));
    auto answer = pieces_->next();
    if (!answer) return fail(std::move(answer).error());
    if (*answer) {
      take(std::move(**answer));
    } else {
      end_series(json);
      pieces_.reset();
      ++at_;
    }
    return true;
  }

  void take(QueryAnswer answer) {
    answer_ = std::move(answer);
    series_ = 0;
    if (answer_.tier != "raw") tier_ = answer_.tier;
    for (std::string& text : answer_.missing_parts) {
      if (std::ranges::find(missing_, text) == missing_.end()) missing_.push_back(std::move(text));
    }
  }

  void write_rows(JsonWriter& json, const QuerySeries& series) {
    if (row_ == 0 && open_ != series.labels) begin_series(json, series.labels);
    const size_t end = std::min(series.rows.size(), row_ + kRowsAtOnce);
    for (; row_ < end; ++row_) write_row(json, series.rows[row_], epoch_);
    if (row_ < series.rows.size()) return;
    ++series_;
    row_ = 0;
  }

  void begin_series(JsonWriter& json, const Labels& labels) {
    end_series(json);
    open_ = labels;
    json.begin_object().key("labels").begin_object();
    for (const auto& [name, value] : labels) json.field(name, std::string_view(value));
    json.end_object().key("columns").begin_array().value("time");
    for (const std::string& column : asked_[at_].columns) json.value(std::string_view(column));
    json.end_array().key("values").begin_array();
  }

  void end_series(JsonWriter& json) {
    if (open_) json.end_array().end_object();
    open_.reset();
  }

  void write_end(JsonWriter& json) const {
    json.end_array().field("tier", tier_);
    if (!missing_.empty()) {
      json.key("missing").begin_array();
      for (const std::string& text : missing_) json.value(std::string_view(text));
      json.end_array();
    }
    json.end_object();
  }

  const Questions& questions_;
  std::vector<Part> asked_;
  const Epoch epoch_;
  bool begins_ = true;
  size_t at_ = 0;  // In asked_.
  std::unique_ptr<QueryPieces> pieces_;
  QueryAnswer answer_;  // What is being written …
  size_t series_ = 0;   // … from here on.
  size_t row_ = 0;
  std::optional<Labels> open_;  // Of the series whose rows are not all written.
  std::string_view tier_ = "raw";
  std::vector<std::string> missing_;
};

// Percentiles over time need the rows themselves.
std::optional<HttpResponse> refused_p95(const ApiParts& parts, const Query& query) {
  const auto policy = parts.policy();
  if (query.statistic != Statistic::kP95 || query.step == Duration{0} ||
      query.range.begin >= parts.clock.wall() - policy->server.retention_raw) {
    return std::nullopt;
  }
  return error_response(422, fmt::format("parameter 'statistic': p95 needs raw rows, which are kept for {} "
                                         "(retention_raw); 'start' is before that",
                                         format_duration(policy->server.retention_raw)));
}

}  // namespace

void answer_query(const ApiParts& parts, Call call) {
  const auto asked = read_asked(parts, call.request);
  if (!asked) return answer_error(call.responder, asked.error());
  auto query_parts = read_parts(parts, call.request, *asked);
  if (!query_parts) return answer_error(call.responder, query_parts.error());
  if (auto refused = refused_p95(parts, asked->common)) return call.responder.answer(std::move(*refused));
  answer_in_pieces(call.responder, std::make_unique<QueryBody>(parts, std::move(*query_parts), asked->epoch));
}

}  // namespace dragonfly
