// Collectors: which there are, of which VMs they are in charge; started and stopped by people.
#include <algorithm>

#include "base/core/number.h"
#include "fleet/collector/collector_manager.h"
#include "surface/api/api.h"
#include "surface/api/params.h"
#include "surface/api/routes.h"
#include "surface/api/subject.h"

namespace dragonfly {
namespace {

void write_window(JsonWriter& json, const WindowSummary& window) {
  json.key("window").begin_object().field("rows", window.rows).key("metrics").begin_array();
  for (size_t i = 0; i < kCatalogueMetrics; ++i) {
    const WindowSummary::Metric& metric = window.metrics[i];
    if (metric.vms == 0) continue;
    const Metric& of = catalogue()[i];
    json.begin_object().field("group", group_name(of.group)).field("metric", of.name);
    json.field("vms", uint64_t{metric.vms}).field("avg", metric.avg()).field("min", metric.min);
    json.field("max", metric.max).field("last", metric.last()).end_object();
  }
  json.end_array().end_object();
}

void write_collector(JsonWriter& json, const ApiParts& parts, const CollectorView& view, bool detail) {
  json.begin_object().field("id", uint64_t{view.id});
  json.field("state", std::string_view(view.draining ? "draining" : "running"));
  json.field("started_by", std::string_view(view.by_hand ? "hand" : "schedule"));
  json.field("policy", std::string_view(view.policy)).field("key", std::string_view(view.key));
  json.field("vms", uint64_t{view.vms.size()}).field("rows_total", view.rows_total);
  json.field("dropped_total", view.dropped_total).field("aggregate_time_ms", seconds(view.aggregate_time) * 1000);
  json.field("since_aggregation_s", seconds(view.since_aggregation));
  if (detail) {
    std::vector<std::string> names;
    for (const VmId id : view.vms) {
      const VmEntry* vm = parts.directory.find_vm(id);
      if (vm != nullptr) names.push_back(fmt::format("{}/{}/{}", vm->identity.ns, vm->identity.mcis, vm->identity.vm));
    }
    std::ranges::sort(names);
    json.key("vm_ids").begin_array();
    for (const std::string& name : names) json.value(std::string_view(name));
    json.end_array();
    write_window(json, view.window);
  }
  json.end_object();
}

Result<uint32_t> id_of(const PathValues& path) {
  const std::string& text = path.get("id");
  const auto id = parse_number<uint32_t>(text);
  if (!id) return fail(ErrorCode::kInvalidArgument, "collector '{}' is not a number", text.substr(0, 64));
  return *id;
}

Result<bool> detail_of(const HttpRequest& request, std::string_view otherwise) {
  DF_TRY(only_parameters(request, "detail"));
  const auto word = word_parameter(request, "detail", "true|false", otherwise);
  if (!word) return fail(word.error());
  return *word == "true";
}

void answer_one(const ApiParts& parts, const Responder& responder, uint32_t id, bool detail) {
  const auto view = parts.collectors.find_collector(id);
  if (!view) return answer_error(responder, view.error());
  std::string out;
  JsonWriter json(out);
  write_collector(json, parts, *view, detail);
  answer_json(responder, std::move(out));
}

}  // namespace

void answer_collectors(const ApiParts& parts, Call call) {
  const auto detail = detail_of(call.request, "false");
  if (!detail) return answer_error(call.responder, detail.error());
  std::string out;
  JsonWriter json(out);
  json.begin_object().key("collectors").begin_array();
  for (const CollectorView& view : parts.collectors.list()) write_collector(json, parts, view, *detail);
  json.end_array().end_object();
  answer_json(call.responder, std::move(out));
}

void answer_collector(const ApiParts& parts, Call call) {
  const auto id = id_of(call.path);
  if (!id) return answer_error(call.responder, id.error());
  const auto detail = detail_of(call.request, "true");
  if (!detail) return answer_error(call.responder, detail.error());
  answer_one(parts, call.responder, *id, *detail);
}

void answer_start_collector(const ApiParts& parts, Call call) {
  const auto id = parts.collectors.start_collector();
  if (!id && id.error().code == ErrorCode::kResourceExhausted)  // Not a body that is too large.
    return call.responder.answer(error_response(503, id.error().message));
  if (!id) return answer_error(call.responder, id.error());
  note_change(parts, call, "collector start", "", fmt::format("{{\"id\":{}}}", *id));
  answer_one(parts, call.responder, *id, false);
}

// It drains; the answer shows it as it is.
void answer_stop_collector(const ApiParts& parts, Call call) {
  if (const auto known = only_parameters(call.request, ""); !known) return answer_error(call.responder, known.error());
  const auto id = id_of(call.path);
  if (!id) return answer_error(call.responder, id.error());
  if (const auto stopped = parts.collectors.stop_collector(*id); !stopped)
    return answer_error(call.responder, stopped.error());
  note_change(parts, call, "collector stop", fmt::format("{{\"id\":{}}}", *id), "");
  answer_one(parts, call.responder, *id, false);
}

}  // namespace dragonfly
