// The policy: what is in force, changes by name, and back to the configuration.

#include "base/core/names.h"
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

// Of a namespace: with its name, and which keys it has of its own.
struct Shown {
  const Policy& policy;
  std::string_view ns{};
  std::vector<std::string> own{};
  std::vector<std::string> warnings{};
};

std::string render(const Shown& shown) {
  const Policy& policy = shown.policy;
  std::string out;
  JsonWriter writer(out);
  writer.begin_object();
  for (const Policy::Entry& entry : policy.list()) {
    writer.key(entry.name);
    write_value(writer, entry.value);
  }
  writer.key("warnings").begin_array();
  for (const std::string& warning : policy.warnings()) writer.value(std::string_view(warning));
  for (const std::string& warning : shown.warnings) writer.value(std::string_view(warning));
  writer.end_array();
  if (!shown.ns.empty()) {
    writer.field("ns", shown.ns).key("own").begin_array();
    for (const std::string& key : shown.own) writer.value(std::string_view(key));
    writer.end_array();
  }
  writer.end_object();
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

std::string render_changes(const PolicyStore::ByName& changes) {
  std::string out;
  JsonWriter writer(out);
  writer.begin_object();
  for (const auto& [name, value] : changes) writer.field(name, std::string_view(value));
  writer.end_object();
  return out;
}

void answer_outcome(const ApiParts& parts, const Call& call, std::string_view what, std::string_view ns,
                    const Result<PolicyStore::Outcome>& outcome) {
  if (!outcome) return answer_error(call.responder, outcome.error());
  const std::string named = ns.empty() ? std::string(what) : fmt::format("{} of namespace {}", what, ns);
  if (outcome->before != outcome->after) {
    note_change(parts, call, named, render_changed(outcome->before, outcome->after),
                render_changed(outcome->after, outcome->before));
  } else if (outcome->changes_before != outcome->changes_after) {  // Of namespaces, by a rollback.
    note_change(parts, call, named, render_changes(outcome->changes_before), render_changes(outcome->changes_after));
  }
  answer_json(call.responder, render({outcome->after, ns, parts.policies.own_keys(ns), outcome->warnings}));
}

// Whose policy is asked for: `ns`, or empty for the server's. What the caller does not see is not known.
Result<std::string> read_ns(const Call& call) {
  DF_TRY(only_parameters(call.request, "ns"));
  std::string ns = text_parameter(call.request, "ns");
  if (ns.empty()) return ns;
  DF_TRY(check_name("ns", ns));
  if (!call.principal.scope.sees(ns)) return fail(ErrorCode::kNotFound, "namespace '{}' is not known", ns);
  return ns;
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
    for (const auto& [name, value] : version.changed) {
      const std::string ns = parse_change_name(name).ns;
      if (ns.empty() || call.principal.scope.sees(ns)) json.field(name, std::string_view(value));
    }
    json.end_object().end_object();
  }
  json.end_array().end_object();
  answer_json(call.responder, std::move(out));
}

void answer_roll_back_config(const ApiParts& parts, Call call) {
  const auto version = read_version(call.request);
  if (!version) return answer_error(call.responder, version.error());
  answer_outcome(parts, call, "config rollback", {}, parts.policies.roll_back(*version, author_of(parts, call)));
}

void answer_config(const ApiParts& parts, Call call) {
  const auto ns = read_ns(call);
  if (!ns) return answer_error(call.responder, ns.error());
  const auto policy = parts.policy();
  answer_json(call.responder, render({policy->of(*ns), *ns, parts.policies.own_keys(*ns)}));
}

// Keys in the URL would be taken for a change that is not made: they are refused.
void answer_change_config(const ApiParts& parts, Call call) {
  const auto ns = read_ns(call);
  if (!ns) return answer_error(call.responder, ns.error());
  const auto changes = flat_body(call.request);
  if (!changes) return answer_error(call.responder, changes.error());
  answer_outcome(parts, call, "config set", *ns, parts.policies.change(*changes, author_of(parts, call), *ns));
}

void answer_reset_config(const ApiParts& parts, Call call) {
  const auto ns = read_ns(call);
  if (!ns) return answer_error(call.responder, ns.error());
  answer_outcome(parts, call, "config reset", *ns, parts.policies.reset(author_of(parts, call), *ns));
}

}  // namespace dragonfly
