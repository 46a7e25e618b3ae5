// info and rt-info: statistics of one VM and one group, in the spellings of both paths.
#include <map>

#include "surface/api/api.h"
#include "surface/api/params.h"
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

struct InfoRows {
  Table table;
  std::vector<std::string> missing_parts;
};

Result<InfoRows> ask_info(const ApiParts& parts, const Subject& subject, Duration bucket, Duration duration,
                          const Cancellation& cancellation) {
  InfoRows out;
  const auto& groups = subject.selection.groups;
  for (size_t i = 0; i < groups.size(); ++i) {
    InfoQuestion question;
    question.vm = subject.vm->id;
    question.group = groups[i].group;
    question.bucket = bucket;
    question.statistic = subject.statistic;
    question.duration = duration;
    question.now = now_of(*subject.vm, parts.clock);
    question.cancellation = cancellation;
    question.fields.clear();
    for (const Metric* metric : groups[i].metrics) question.fields.push_back(metric->field);
    auto answer = parts.questions.info(question);
    if (!answer) return fail(std::move(answer).error());
    for (Bucket& one : answer->buckets) {
      if (!has_any(one.fields, groups[i])) continue;  // Only fields that nobody asked for.
      auto& row = out.table[one.start];
      row.resize(groups.size());
      row[i] = std::move(one.fields);
    }
    for (std::string& part : answer->missing_parts) out.missing_parts.push_back(std::move(part));
  }
  return out;
}

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

std::string render_arrays(const Subject& subject, const Dictionary& labels, const InfoRows& rows) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().field("name", std::string_view(subject.selection.name)).key("tags").begin_object();
  json.field("hostId", host_id(labels, *subject.vm)).end_object().key("columns").begin_array().value("time");
  const auto& groups = subject.selection.groups;
  for (const GroupFields& group : groups) {
    for (const Metric* metric : group.metrics) json.value(metric->name);
  }
  json.end_array().key("values").begin_array();
  for (const auto& [start, values] : rows.table) {
    json.begin_array().value(std::string_view(format_rfc3339(start)));
    for (size_t i = 0; i < groups.size(); ++i) {
      for (const Metric* metric : groups[i].metrics) {
        const auto value = value_of(values[i], *metric);
        value ? json.value(*value) : json.null();
      }
    }
    json.end_array();
  }
  json.end_array();
  write_missing(json, rows.missing_parts);
  json.end_object();
  return out;
}

void write_object_fields(JsonWriter& json, const GroupFields& group, const FieldValues& values) {
  for (const Metric* metric : group.metrics) {
    const auto value = value_of(values, *metric);
    if (!value) continue;
    json.field(metric->name, *value);
    if (const auto spelling = disk_spelling(*metric)) json.field(spelling->name, *value * spelling->factor);
  }
}

std::string render_objects(const Subject& subject, const Dictionary& labels, const InfoRows& rows) {
  std::string out;
  JsonWriter json(out);
  const VmIdentity& vm = subject.vm->identity;
  json.begin_object().field("name", std::string_view(subject.selection.name)).key("tags").begin_object();
  json.field("nsId", std::string_view(vm.ns)).field("mcisId", std::string_view(vm.mcis));
  json.field("vmId", std::string_view(vm.vm)).field("hostId", host_id(labels, *subject.vm));
  json.field("osType", labels.label("osType")).field("cspType", labels.label("cspType")).end_object();
  json.key("values").begin_array();
  const auto& groups = subject.selection.groups;
  for (const auto& [start, values] : rows.table) {
    json.begin_object().field("time", std::string_view(format_rfc3339(start)));
    for (size_t i = 0; i < groups.size(); ++i) write_object_fields(json, groups[i], values[i]);
    json.end_object();
  }
  json.end_array();
  write_missing(json, rows.missing_parts);
  json.end_object();
  return out;
}

}  // namespace

void answer_info(const ApiParts& parts, Call call) {
  const auto subject = read_subject(parts, call);
  if (!subject) return answer_error(call.responder, subject.error());
  const auto period = word_parameter(call.request, "periodType", "m|h|d");
  if (!period) return answer_error(call.responder, period.error());
  const auto duration = look_back_parameter(call.request, "duration");
  if (!duration) return answer_error(call.responder, duration.error());
  const Duration bucket = *period == "m" ? Duration(1min) : *period == "h" ? Duration(1h) : Duration(24h);
  const auto rows = ask_info(parts, *subject, bucket, *duration, call.request.cancellation);
  if (!rows) return answer_error(call.responder, rows.error());
  const auto labels = labels_of(parts.directory, *subject->vm);
  const bool namespaced = call.path.has("ns");
  answer_json(call.responder,
              namespaced ? render_objects(*subject, *labels, *rows) : render_arrays(*subject, *labels, *rows));
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
