// The policy: what is in force, changes by name, and back to the configuration.
#include <boost/json.hpp>

#include "base/http/url.h"
#include "fleet/policy/policy_store.h"
#include "surface/api/api.h"
#include "surface/api/params.h"
#include "surface/api/routes.h"
#include "surface/api/subject.h"

namespace dragonfly {
namespace {

namespace json = boost::json;

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

Result<PolicyStore::Changes> changes_of_json(std::string_view body) {
  boost::system::error_code error;
  const json::value parsed = json::parse({body.data(), body.size()}, error);
  if (error) return fail(ErrorCode::kInvalidArgument, "the body is not JSON: {}", error.message());
  if (!parsed.is_object())
    return fail(ErrorCode::kInvalidArgument, "the body is not an object like {{\"collector_interval\": 4}}");
  PolicyStore::Changes out;
  for (const auto& [name, value] : parsed.get_object()) {
    const std::string key(name.data(), name.size());
    if (key == "warnings") continue;  // Of an answer that is sent back changed.
    if (value.is_string()) {
      out.emplace_back(key, std::string(value.get_string().data(), value.get_string().size()));
    } else if (value.is_double()) {
      out.emplace_back(key, fmt::format("{}", value.get_double()));
    } else if (value.is_number()) {
      out.emplace_back(key, json::serialize(value));
    } else {
      return fail(ErrorCode::kInvalidArgument, "{} is {}; it takes a number or a text", key.substr(0, 64),
                  json::serialize(value).substr(0, 64));
    }
  }
  return out;
}

// JSON or a form, by the content type; without one, by the first character.
Result<PolicyStore::Changes> changes_of(const HttpRequest& request) {
  const size_t first = request.body.find_first_not_of(" \t\r\n");
  if (first == std::string::npos) {
    return fail(ErrorCode::kInvalidArgument,
                "the body is empty; it takes keys of GET /dragonfly/config, as JSON or as a form");
  }
  const std::string_view type = request.header("content-type");
  const bool is_form = type.starts_with("application/x-www-form-urlencoded") && request.body[first] != '{';
  if (is_form || (type.empty() && request.body[first] != '{')) return parse_query(request.body);
  if (type.starts_with("multipart/")) {
    return fail(ErrorCode::kInvalidArgument,
                "the body is a multipart form; send JSON or application/x-www-form-urlencoded");
  }
  return changes_of_json(request.body);
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

}  // namespace

void answer_config(const ApiParts& parts, Call call) { answer_json(call.responder, render(parts.policy())); }

void answer_change_config(const ApiParts& parts, Call call) {
  const auto changes = changes_of(call.request);
  if (!changes) return answer_error(call.responder, changes.error());
  answer_outcome(parts, call, "config set", parts.policies.change(*changes));
}

void answer_reset_config(const ApiParts& parts, Call call) {
  answer_outcome(parts, call, "config reset", parts.policies.reset());
}

}  // namespace dragonfly
