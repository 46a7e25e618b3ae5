// Values that an agent collects now: ondemand-monitoring-info.
#include <algorithm>
#include <memory>

#include "model/row/column_set.h"
#include "surface/api/api.h"
#include "surface/api/routes.h"
#include "surface/api/selection.h"
#include "surface/api/subject.h"

namespace dragonfly {
namespace {

// Clients wait up to 30 s; the cause must reach them before.
constexpr Duration kAgentTimeout = 10s;

// Everything that the answer needs, so that nothing of the Api is touched when it comes late.
struct Question {
  MetricSelection selection;
  VmIdentity vm;
  std::shared_ptr<const Dictionary> labels;
};

struct Sampled {
  const Metric* metric;
  Value value;
};

std::vector<Sampled> wanted_values(const GroupFields& wanted, const std::vector<SampledRow>& rows) {
  std::vector<Sampled> out;
  for (const SampledRow& row : rows) {
    if (row.group != wanted.group || !row.device.empty()) continue;
    ColumnSet one = ColumnSet::for_group(row.group);
    if (!one.append_row(row.time, 0, row.fields)) continue;
    for (const Metric* metric : wanted.metrics) {
      const Column& column = one.columns[metric->field];
      if (column.present[0] != 0) out.push_back({metric, column.value(0)});
    }
  }
  return out;
}

void write_fields(JsonWriter& json, const Question& question, const std::vector<SampledRow>& rows) {
  for (const GroupFields& group : question.selection.groups) {
    json.key(section_name(group.group)).begin_object().key("fields").begin_object();
    for (const auto& [metric, value] : wanted_values(group, rows)) {
      const auto spelling = field_spelling(*metric);
      json.key(spelling->name);
      write_value(json, value, spelling->factor);
    }
    json.end_object().end_object();
  }
}

std::string render(const Question& question, const std::vector<SampledRow>& rows) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().field("name", std::string_view(question.selection.name)).key("tags").begin_object();
  json.field("nsId", std::string_view(question.vm.ns)).field("mcisId", std::string_view(question.vm.mcis));
  json.field("vmId", std::string_view(question.vm.vm)).field("osType", question.labels->label("osType"));
  json.field("cspType", question.labels->label("cspType")).end_object();
  Timestamp time{};
  for (const SampledRow& row : rows) time = std::max(time, row.time);
  json.field("time", std::string_view(format_rfc3339(time))).key("values").begin_object();
  for (const GroupFields& group : question.selection.groups) {
    for (const auto& [metric, value] : wanted_values(group, rows)) {
      json.key(metric->name);
      write_value(json, value);
      const auto spelling = disk_spelling(*metric);
      if (!spelling || question.selection.groups.size() > 1) continue;  // "all" is the 52 and nothing else.
      json.key(spelling->name);
      write_value(json, value, spelling->factor);
    }
  }
  json.end_object();
  write_fields(json, question, rows);
  json.end_object();
  return out;
}

// An agent that is not there is a peer that gave no answer, whatever the reason.
int status_of(ErrorCode code) { return code == ErrorCode::kNotFound ? 504 : http_status(code); }

}  // namespace

void answer_on_demand(const ApiParts& parts, Call call) {
  auto selection = select_metrics(call.path.get("metric"));
  if (!selection) return answer_error(call.responder, selection.error());
  const auto vm = find_subject(parts.directory, call.path);
  if (!vm) return answer_error(call.responder, vm.error());
  if (!parts.notes.of((*vm)->identity).enabled)
    return answer_error(call.responder, {ErrorCode::kConflict,
                                         fmt::format("the agent of vm '{}' is disabled (agent_state): it is asked "
                                                     "nothing; PUT /dragonfly/agent/metadata enables it",
                                                     (*vm)->identity.vm)});
  std::vector<uint32_t> groups;
  for (const GroupFields& group : selection->groups) groups.push_back(static_cast<uint32_t>(group.group));
  auto question = std::make_shared<const Question>(
      Question{std::move(*selection), (*vm)->identity, labels_of(parts.directory, **vm)});
  auto done = [question, responder = call.responder, &workers = parts.workers](Result<std::vector<SampledRow>> rows) {
    auto shared_rows = std::make_shared<Result<std::vector<SampledRow>>>(std::move(rows));
    const bool taken = workers.post([question, responder, shared_rows] {
      if (*shared_rows) return answer_json(responder, render(*question, **shared_rows));
      const Error& error = shared_rows->error();
      responder.answer(error_response(status_of(error.code), error.message));
    });
    (void)taken;  // Where it was not, the Responder says 503 when it dies.
  };
  parts.agents.sample_now(**vm, std::move(groups), kAgentTimeout, std::move(done));
}

}  // namespace dragonfly
