// info and rt-info: statistics of one VM and one group, in the spellings of both paths.
#include <algorithm>
#include <map>
#include <memory>

#include "surface/api/api.h"
#include "surface/api/params.h"
#include "surface/api/pieces.h"
#include "surface/api/routes.h"
#include "surface/api/selection.h"
#include "surface/api/subject.h"

namespace dragonfly {
namespace {

// What both questions begin with.
struct Subject {
  MetricSelection selection;
  VmEntry* vm = nullptr;
  Statistic statistic = Statistic::kAvg;
};

Result<Subject> read_subject(const ApiParts& parts, const Call& call) {
  auto selection = select_metrics(call.path.get("metric"));
  if (!selection) return fail(selection.error());
  // Before the VM is looked for, so that a wrong word is told first; what is usual is its namespace's.
  const auto word = word_parameter(call.request, "statisticsCriteria", "min|max|avg|last", "avg");
  if (!word) return fail(word.error());
  const auto vm = find_subject(parts.directory, call.path);
  if (!vm) return fail(vm.error());
  const std::string statistic =
      text_parameter(call.request, "statisticsCriteria", parts.policy()->of((*vm)->identity.ns).aggregate_type);
  return Subject{std::move(*selection), *vm, find_statistic(statistic).value_or(Statistic::kAvg)};
}

bool has_any(const FieldValues& fields, const GroupFields& group) {
  for (const Metric* metric : group.metrics) {
    if (value_of(fields, *metric)) return true;
  }
  return false;
}

// Rows over all asked groups: bucket's start → each group's values (empty where it has none).
using Table = std::map<Timestamp, std::vector<FieldValues>>;

void write_missing(JsonWriter& json, const std::vector<std::string>& parts) {
  if (parts.empty()) return;
  json.key("missing").begin_array();
  for (const std::string& part : parts) json.value(std::string_view(part));
  json.end_array();
}

std::string_view host_id(const Dictionary& labels, const VmEntry& vm) {
  const std::string_view host = labels.label("hostId");
  return host.empty() ? std::string_view(vm.identity.vm) : host;
}

void write_object_fields(JsonWriter& json, const GroupFields& group, const FieldValues& values) {
  for (const Metric* metric : group.metrics) {
    const auto value = value_of(values, *metric);
    if (!value) continue;
    json.field(metric->name, *value);
    if (const auto spelling = disk_spelling(*metric)) json.field(spelling->name, *value * spelling->factor);
  }
}

// Array rows on the seed's path, object rows where the path has a namespace; some hours or days of buckets at a time.
class InfoBody final : public JsonBody {
 public:
  struct Asked {
    Subject subject;
    std::shared_ptr<const Dictionary> labels;
    bool as_objects = false;
    InfoQuestion common;  // Without group and fields.
  };
  InfoBody(const ApiParts& parts, Asked asked)
      : questions_(parts.questions), asked_(std::move(asked)), range_(info_range(asked_.common)), from_(range_.begin) {
    for (const GroupFields& group : asked_.subject.selection.groups) width_ += group.metrics.size();
  }

 private:
  static constexpr int64_t kPartCellsMax = 50'000;

  Result<bool> write_part(JsonWriter& json) override {
    const Timestamp end = next_end();
    const auto table = ask(end);
    if (!table) return fail(table.error());
    if (from_ == range_.begin) write_begin(json);
    for (const auto& [start, values] : *table)
      asked_.as_objects ? write_object(json, start, values) : write_array(json, start, values);
    from_ = end;
    if (from_ < range_.end) return true;
    json.end_array();
    write_missing(json, missing_);
    json.end_object();
    return false;
  }

  // Where hours or buckets end, whichever are longer.
  Timestamp next_end() const {
    const Duration bucket = asked_.common.bucket;
    const Duration unit = std::max<Duration>(bucket, 1h);
    const int64_t buckets = std::max<int64_t>(kPartCellsMax / static_cast<int64_t>(std::max<size_t>(width_, 1)), 1);
    if (const auto left = (range_.end - from_) / bucket; left <= buckets) return range_.end;
    return std::min(floor_to(from_ + std::max(buckets * bucket, unit), unit), range_.end);
  }

  Result<Table> ask(Timestamp end) {
    Table table;
    const auto& groups = asked_.subject.selection.groups;
    for (size_t i = 0; i < groups.size(); ++i) {
      InfoQuestion question = asked_.common;
      question.only = {from_, end};
      question.group = groups[i].group;
      for (const Metric* metric : groups[i].metrics) question.fields.push_back(metric->field);
      auto answer = questions_.info(question);
      if (!answer) return fail(std::move(answer).error());
      for (Bucket& one : answer->buckets) {
        if (!has_any(one.fields, groups[i])) continue;  // Only fields that nobody asked for.
        auto& row = table[one.start];
        row.resize(groups.size());
        row[i] = std::move(one.fields);
      }
      for (std::string& part : answer->missing_parts) {
        if (std::ranges::find(missing_, part) == missing_.end()) missing_.push_back(std::move(part));
      }
    }
    return table;
  }

  void write_begin(JsonWriter& json) const {
    const VmIdentity& vm = asked_.subject.vm->identity;
    const Dictionary& labels = *asked_.labels;
    json.begin_object().field("name", std::string_view(asked_.subject.selection.name)).key("tags").begin_object();
    if (asked_.as_objects) {
      json.field("nsId", std::string_view(vm.ns)).field("mcisId", std::string_view(vm.mcis));
      json.field("vmId", std::string_view(vm.vm)).field("hostId", host_id(labels, *asked_.subject.vm));
      json.field("osType", labels.label("osType")).field("cspType", labels.label("cspType")).end_object();
    } else {
      json.field("hostId", host_id(labels, *asked_.subject.vm)).end_object().key("columns").begin_array().value("time");
      for (const GroupFields& group : asked_.subject.selection.groups) {
        for (const Metric* metric : group.metrics) json.value(metric->name);
      }
      json.end_array();
    }
    json.key("values").begin_array();
  }

  void write_array(JsonWriter& json, Timestamp start, const std::vector<FieldValues>& values) const {
    const auto& groups = asked_.subject.selection.groups;
    json.begin_array().value(std::string_view(format_rfc3339(start)));
    for (size_t i = 0; i < groups.size(); ++i) {
      for (const Metric* metric : groups[i].metrics) {
        const auto value = value_of(values[i], *metric);
        value ? json.value(*value) : json.null();
      }
    }
    json.end_array();
  }

  void write_object(JsonWriter& json, Timestamp start, const std::vector<FieldValues>& values) const {
    const auto& groups = asked_.subject.selection.groups;
    json.begin_object().field("time", std::string_view(format_rfc3339(start)));
    for (size_t i = 0; i < groups.size(); ++i) write_object_fields(json, groups[i], values[i]);
    json.end_object();
  }

  const Questions& questions_;
  const Asked asked_;
  const TimeRange range_;
  Timestamp from_;  // What is written already ends here.
  size_t width_ = 0;
  std::vector<std::string> missing_;
};

}  // namespace

void answer_info(const ApiParts& parts, Call call) {
  auto subject = read_subject(parts, call);
  if (!subject) return answer_error(call.responder, subject.error());
  const auto period = word_parameter(call.request, "periodType", "m|h|d");
  if (!period) return answer_error(call.responder, period.error());
  const auto duration = look_back_parameter(call.request, "duration");
  if (!duration) return answer_error(call.responder, duration.error());
  InfoBody::Asked asked{std::move(*subject), {}, call.path.has("ns"), {}};
  asked.labels = labels_of(parts.directory, *asked.subject.vm);
  asked.common.vm = asked.subject.vm->id;
  asked.common.bucket = *period == "m" ? Duration(1min) : *period == "h" ? Duration(1h) : Duration(24h);
  asked.common.statistic = asked.subject.statistic;
  asked.common.duration = *duration;
  asked.common.now = now_of(*asked.subject.vm, parts.clock);
  asked.common.cancellation = call.request.cancellation;
  answer_in_pieces(call.responder, std::make_unique<InfoBody>(parts, std::move(asked)));
}

void answer_real_time(const ApiParts& parts, Call call) {
  const auto subject = read_subject(parts, call);
  if (!subject) return answer_error(call.responder, subject.error());
  std::vector<FieldValues> values;
  std::vector<std::string> missing;
  std::optional<Timestamp> newest;
  RealTimeQuestion question;
  question.vm = subject->vm->id;
  question.statistic = subject->statistic;
  question.window = parts.policy()->server.collector_interval;
  question.now = now_of(*subject->vm, parts.clock);
  question.cancellation = call.request.cancellation;
  for (const GroupFields& group : subject->selection.groups) {
    question.group = group.group;
    auto answer = parts.questions.real_time(question);
    if (!answer) return answer_error(call.responder, answer.error());
    newest = std::max(newest, answer->values.newest);
    values.push_back(std::move(answer->values.fields));
    for (std::string& part : answer->missing_parts) missing.push_back(std::move(part));
  }
  std::string out;
  JsonWriter json(out);
  json.begin_object().field("vmId", std::string_view(subject->vm->identity.vm));
  json.field("metricName", std::string_view(subject->selection.name));
  const auto now = std::chrono::floor<std::chrono::milliseconds>(parts.clock.wall());
  json.field("time", std::string_view(format_rfc3339(newest.value_or(now)))).key("value").begin_object();
  for (size_t i = 0; i < values.size(); ++i) write_object_fields(json, subject->selection.groups[i], values[i]);
  json.end_object();
  write_missing(json, missing);
  json.end_object();
  answer_json(call.responder, std::move(out));
}

}  // namespace dragonfly
