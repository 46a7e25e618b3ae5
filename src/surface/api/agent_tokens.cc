// /api/v1/agents/tokens: by which machines enrol as agents of one MCIS.
#include <boost/json.hpp>

#include "surface/api/body.h"
#include "surface/api/enrolment_url.h"
#include "surface/api/params.h"
#include "surface/api/routes.h"
#include "surface/api/subject.h"

namespace dragonfly {
namespace {

namespace json = boost::json;

void write_fields(JsonWriter& out, const AgentTokenRecord& token, Timestamp now) {
  out.field("id", std::string_view(token.id)).field("name", std::string_view(token.name));
  out.field("ns", std::string_view(token.ns)).field("mcis", std::string_view(token.mcis));
  out.field("created", std::string_view(format_rfc3339(token.created)));
  out.field("expires", std::string_view(format_rfc3339(token.expires)));
  out.field("uses", uint64_t{token.uses}).key("uses_max");
  token.uses_max == 0 ? out.null() : out.value(uint64_t{token.uses_max});
  const bool good = token.expires > now && (token.uses_max == 0 || token.uses < token.uses_max);
  out.field("usable", good);
}

std::string shown(const AgentTokenRecord& token, Timestamp now) {
  std::string text;
  JsonWriter out(text);
  out.begin_object();
  write_fields(out, token, now);
  out.end_object();
  return text;
}

Result<uint32_t> read_uses(const json::object& body) {
  const json::value* value = body.if_contains("uses");
  if (value == nullptr) return 0;
  boost::system::error_code error;
  const auto number = value->to_number<uint32_t>(error);
  if (error || number == 0 || number > kAgentTokenUsesMax) {
    return fail(ErrorCode::kInvalidArgument, "key 'uses' is {}; allowed are 1 to {}",
                json::serialize(*value).substr(0, 100), kAgentTokenUsesMax);
  }
  return number;
}

Result<NewAgentToken> read_wanted(const HttpRequest& request, Timestamp now) {
  DF_TRY(only_parameters(request, ""));
  const auto body = json_body(request, "name ns mcis expires uses");
  if (!body) return fail(body.error());
  NewAgentToken out;
  for (const auto& [key, to, otherwise] : {std::tuple("name", &out.name, ""), std::tuple("ns", &out.ns, "default"),
                                           std::tuple("mcis", &out.mcis, "default")}) {
    auto text = body_text(*body, key, otherwise);
    if (!text) return fail(text.error());
    *to = std::move(*text);
  }
  const auto expires = body_text(*body, "expires", "1h");
  if (!expires) return fail(expires.error());
  const auto lifetime = lifetime_of(*expires, now);
  if (!lifetime) return fail(lifetime.error());
  out.lifetime = *lifetime;
  const auto uses = read_uses(*body);
  if (!uses) return fail(uses.error());
  out.uses_max = *uses;
  return out;
}

// A sentence for a shell: fetches the script from this very server, and hands it the token.
std::string install_command(const EnrolmentPlace& place, const std::string& url, const std::string& token) {
  const std::string pinned = place.key_pin.empty() ? "" : fmt::format("k --pinnedpubkey 'sha256//{}'", place.key_pin);
  return fmt::format("curl -fsS{} '{}/dragonfly/file/agent/install' | sh -s -- --token {}", pinned, url, token);
}

Result<Enrolment::CreatedToken> make(const ApiParts& parts, const Call& call, const EnrolmentPlace& place) {
  auto wanted = read_wanted(call.request, parts.clock.wall());
  if (!wanted) return fail(wanted.error());
  if (!call.principal.scope.sees(wanted->ns)) {
    return fail(ErrorCode::kPermissionDenied, "key 'ns' is '{}', which the token '{}' does not see", wanted->ns,
                call.principal.name);
  }
  if (place.authority) {
    if (!*place.authority) return fail(ErrorCode::kConflict, "{}", place.authority->error().message);
    wanted->authority = (*place.authority)->digest;
  }
  return parts.enrolment.create_token(std::move(*wanted));
}

}  // namespace

void answer_agent_tokens(const ApiParts& parts, Call call) {
  if (const auto known = only_parameters(call.request, ""); !known) return answer_error(call.responder, known.error());
  std::string text;
  JsonWriter out(text);
  out.begin_object().key("tokens").begin_array();
  for (const AgentTokenRecord& token : parts.enrolment.tokens()) {
    if (!call.principal.scope.sees(token.ns)) continue;
    out.begin_object();
    write_fields(out, token, parts.clock.wall());
    out.end_object();
  }
  out.end_array().end_object();
  answer_json(call.responder, std::move(text));
}

void answer_new_agent_token(const ApiParts& parts, Call call) {
  const EnrolmentPlace place = parts.place();
  const auto made = make(parts, call, place);
  if (!made) return answer_error(call.responder, made.error());
  note_change(parts, call, "agent token new", "", shown(made->record, parts.clock.wall()));
  HttpResponse response;
  response.status = 201;
  response.headers.emplace_back("Cache-Control", "no-store");
  JsonWriter out(response.body);
  out.begin_object();
  write_fields(out, made->record, parts.clock.wall());
  out.field("token", std::string_view(made->text));
  const std::string url = own_url(call.request, place.authority.has_value());
  if (!url.empty()) {
    out.field("server", std::string_view(url));
    out.field("install", std::string_view(install_command(place, url, made->text)));
  }
  out.end_object();
  call.responder.answer(std::move(response));
}

void answer_revoke_agent_token(const ApiParts& parts, Call call) {
  const std::string& id = call.path.get("token");
  const auto tokens = parts.enrolment.tokens();
  const auto found = std::ranges::find(tokens, id, &AgentTokenRecord::id);
  // Those of other namespaces are not there.
  const bool seen = found != tokens.end() && call.principal.scope.sees(found->ns);
  const auto revoked = parts.enrolment.revoke_token(seen ? id : "of another namespace");
  if (!revoked) {
    return answer_error(call.responder, {revoked.error().code,
                                         fmt::format("the token '{}' for agents is not known", id.substr(0, 100))});
  }
  note_change(parts, call, "agent token revoke", shown(*revoked, parts.clock.wall()), "");
  HttpResponse response;
  response.status = 204;
  call.responder.answer(std::move(response));
}

}  // namespace dragonfly
