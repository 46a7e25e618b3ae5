// The policy: what is in force, changes by name, and back to the configuration.

#include "base/core/number.h"
#include "fleet/policy/policy_store.h"
#include "surface/api/api.h"
#include "surface/api/body.h"
#include "surface/api/params.h"
#include "surface/api/routes.h"
#include "surface/api/subject.h"

namespace dragonfly {
namespace {

void write_value(JsonWriter& writer, const std::variant<double, std::string>& value) {
  if (const auto* text = std::get_if<std::string>(&value))
    return static_cast<void>(writer.value(std::string_view(*text)));
  writer.value(std::get<double>(value));
}

std::string render(const Policy& policy, const std::vector<std::string>& more_warnings = {}) {
  std::string out;
  JsonWriter writer(out);
  writer.begin_object();
  for (const Policy::Entry& entry : policy.list()) {
    writer.key(entry.name);
    write_value(writer, entry.value);
  }
  writer.key("warnings").begin_array();
  for (const std::string& warning : policy.warnings()) writer.value(std::string_view(warning));
  for (const std::string& warning : more_warnings) writer.value(std::string_view(warning));
  writer.end_array().end_object();
  return out;
}

// The keys that differ, as they are in `policy`.
std::string render_changed(const Policy& policy, const Policy& other) {
  std::string out;
  JsonWriter writer(out);
  writer.begin_object();
  const auto entries = policy.list(), others = other.list();
  for (size_t i = 0; i < entries.size(); ++i) {
    if (entries[i].value == others[i].value) continue;
    writer.key(entries[i].name);
    write_value(writer, entries[i].value);
  }
  writer.end_object();
  return out;
}

void answer_outcome(const ApiParts& parts, const Call& call, std::string_view what,
                    const Result<PolicyStore::Outcome>& outcome) {
  if (!outcome) return answer_error(call.responder, outcome.error());
  if (outcome->before != outcome->after) {
    note_change(parts, call, what, render_changed(outcome->before, outcome->after),
                render_changed(outcome->after, outcome->before));
  }
  answer_json(call.responder, render(outcome->after, outcome->warnings));
}

PolicyAuthor author_of(const ApiParts& parts, const Call& call) { return {call.principal.name, parts.clock.wall()}; }

// `version`, as a parameter or in the body.
Result<uint64_t> read_version(const HttpRequest& request) {
  DF_TRY(only_parameters(request, "version"));
  std::string text = text_parameter(request, "version");
  if (text.empty() && !request.body.empty()) {
    const auto body = flat_body(request);
    if (!body) return fail(body.error());
    for (const auto& [name, value] : *body) {
      if (name != "version")
        return fail(ErrorCode::kInvalidArgument, "'{}' is not known; allowed is version", name.substr(0, 64));
      text = value;
    }
  }
  if (const auto version = parse_number<uint64_t>(text)) return *version;
  return fail(
      ErrorCode::kInvalidArgument,
      "'version' is '{}'; allowed are the numbers of GET /dragonfly/config/history, and 0 for the configuration",
      text.substr(0, 64));
}

}  // namespace

void answer_config_history(const ApiParts& parts, Call call) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().field("version", parts.policies.version()).key("history").begin_array();
  for (const PolicyVersion& version : parts.policies.history()) {
    json.begin_object().field("version", version.number);
    json.field("time", std::string_view(format_rfc3339(version.author.time)));
    json.field("who", std::string_view(version.author.who.empty() ? "-" : version.author.who))
        .key("changed")
        .begin_object();
    for (const auto& [name, value] : version.changed) json.field(name, std::string_view(value));
    json.end_object().end_object();
  }
  json.end_array().end_object();
  answer_json(call.responder, std::move(out));
}

void answer_roll_back_config(const ApiParts& parts, Call call) {
  const auto version = read_version(call.request);
  if (!version) return answer_error(call.responder, version.error());
  answer_outcome(parts, call, "config rollback", parts.policies.roll_back(*version, author_of(parts, call)));
}

void answer_config(const ApiParts& parts, Call call) { answer_json(call.responder, render(parts.policy())); }

// In the URL they would be taken for a change that is not made.
void answer_change_config(const ApiParts& parts, Call call) {
  if (const auto known = only_parameters(call.request, ""); !known) return answer_error(call.responder, known.error());
  const auto changes = flat_body(call.request);
  if (!changes) return answer_error(call.responder, changes.error());
  answer_outcome(parts, call, "config set", parts.policies.change(*changes, author_of(parts, call)));
}

void answer_reset_config(const ApiParts& parts, Call call) {
  if (const auto known = only_parameters(call.request, ""); !known) return answer_error(call.responder, known.error());
  answer_outcome(parts, call, "config reset", parts.policies.reset(author_of(parts, call)));
}

}  // namespace dragonfly
