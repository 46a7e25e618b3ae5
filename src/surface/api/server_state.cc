// What the server says about itself: healthcheck, health, metrics, catalogue.
#include <algorithm>

#include "surface/api/api.h"
#include "surface/api/routes.h"
#include "surface/api/subject.h"

namespace dragonfly {
namespace {

std::string_view to_string(ModuleHealth::State state) {
  switch (state) {
    case ModuleHealth::State::kOk: return "ok";
    case ModuleHealth::State::kDegraded: return "degraded";
    case ModuleHealth::State::kDown: return "down";
  }
  return "down";
}

void write_vm_counts(JsonWriter& json, const ApiParts& parts) {
  const auto policy = parts.policy();
  const MonotonicTime now = parts.clock.monotonic();
  uint64_t counts[3] = {};
  for (const VmEntry* vm : parts.directory.vms()) ++counts[static_cast<size_t>(state_of(*vm, *policy, now))];
  json.key("agents").begin_object();
  for (const VmState state : {VmState::kAlive, VmState::kLate, VmState::kSilent}) {
    json.field(to_string(state), counts[static_cast<size_t>(state)]);
  }
  json.end_object();
}

}  // namespace

void answer_alive(const ApiParts&, Call call) {
  HttpResponse response;
  response.status = 204;
  call.responder.answer(std::move(response));
}

void answer_health(const ApiParts& parts, Call call) {
  const auto modules = parts.health.health();
  auto worst = ModuleHealth::State::kOk;
  for (const ModuleHealth& module : modules) worst = std::max(worst, module.state);
  HttpResponse response;
  response.status = worst == ModuleHealth::State::kDown ? 503 : 200;
  JsonWriter json(response.body);
  json.begin_object().field("state", to_string(worst)).key("modules").begin_array();
  for (const ModuleHealth& module : modules) {
    json.begin_object().field("module", std::string_view(module.module)).field("state", to_string(module.state));
    json.field("message", std::string_view(module.message)).end_object();
  }
  json.end_array();
  write_vm_counts(json, parts);
  json.end_object();
  call.responder.answer(std::move(response));
}

void answer_own_metrics(const ApiParts& parts, Call call) {
  HttpResponse response;
  response.content_type = "text/plain; version=0.0.4; charset=utf-8";
  response.body = parts.metrics.render();
  call.responder.answer(std::move(response));
}

void answer_catalogue(const ApiParts&, Call call) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().key("metrics").begin_array();
  for (const Metric& metric : catalogue()) {
    const bool counter = metric.kind == MetricKind::kCounter;
    json.begin_object().field("name", metric.name).field("group", group_name(metric.group));
    json.field("kind", counter ? "counter" : "gauge").field("unit", metric.unit);
    // Answers but on-demand's give counters as rates.
    json.field("answer_unit", std::string_view(counter ? std::string(metric.unit) + "/s" : std::string(metric.unit)));
    json.field("meaning", metric.meaning).field("type", dragonfly::to_string(metric.type));
    json.key("aliases").begin_array();
    for (const std::string_view alias : metric.aliases) json.value(alias);
    json.end_array().end_object();
  }
  json.end_array().end_object();
  answer_json(call.responder, std::move(out));
}

}  // namespace dragonfly
