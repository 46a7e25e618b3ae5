// Tokens: /api/v1/tokens, and who asks: /api/v1/session.
#include <boost/json.hpp>

#include "surface/api/body.h"
#include "surface/api/params.h"
#include "surface/api/routes.h"
#include "surface/api/subject.h"

namespace dragonfly {
namespace {

namespace json = boost::json;

void write_fields(JsonWriter& out, const TokenRecord& token, Timestamp now) {
  out.field("id", std::string_view(token.id)).field("name", std::string_view(token.name));
  out.field("role", to_string(token.role)).key("namespaces").begin_array();
  for (const std::string& ns : token.scope.namespaces) out.value(std::string_view(ns));
  out.end_array().field("created", std::string_view(format_rfc3339(token.created))).key("expires");
  token.expires ? out.value(std::string_view(format_rfc3339(*token.expires))) : out.null();
  out.field("expired", token.expires && *token.expires <= now);
}

std::string shown(const TokenRecord& token, Timestamp now) {
  std::string text;
  JsonWriter out(text);
  out.begin_object();
  write_fields(out, token, now);
  out.end_object();
  return text;
}

Result<NewToken> read_new_token(const HttpRequest& request, Timestamp now) {
  const auto body = json_body(request, "name role namespaces expires");
  if (!body) return fail(body.error());
  NewToken out;
  auto name = body_text(*body, "name");
  if (!name) return fail(name.error());
  out.name = std::move(*name);
  const auto role = body_text(*body, "role", "viewer");
  if (!role) return fail(role.error());
  const auto found = find_role(*role);
  if (!found) {
    return fail(ErrorCode::kInvalidArgument, "'role' is '{}'; allowed are viewer, operator, admin",
                role->substr(0, 100));
  }
  out.role = *found;
  auto namespaces = body_texts(*body, "namespaces");
  if (!namespaces) return fail(namespaces.error());
  out.namespaces = std::move(*namespaces);
  const auto expires = body_text(*body, "expires", "");
  if (!expires) return fail(expires.error());
  if (expires->empty()) return out;
  const auto lifetime = lifetime_of(*expires, now);
  if (!lifetime) return fail(lifetime.error());
  out.lifetime = *lifetime;
  return out;
}

HttpResponse with_cookie(const ApiParts& parts, std::string_view value, Duration lifetime) {
  HttpResponse response;
  response.status = 204;
  response.headers.emplace_back(
      "Set-Cookie", fmt::format("{}={}; Path=/; HttpOnly; SameSite=Strict; Max-Age={}{}", Gate::kCookie, value,
                                std::chrono::duration_cast<std::chrono::seconds>(lifetime).count(),
                                parts.gate.is_open() ? "" : "; Secure"));
  return response;
}

}  // namespace

void answer_tokens(const ApiParts& parts, Call call) {
  std::string text;
  JsonWriter out(text);
  out.begin_object().key("tokens").begin_array();
  for (const TokenRecord& token : parts.tokens.list()) {
    out.begin_object();
    write_fields(out, token, parts.clock.wall());
    out.end_object();
  }
  out.end_array().end_object();
  answer_json(call.responder, std::move(text));
}

void answer_new_token(const ApiParts& parts, Call call) {
  if (const auto known = only_parameters(call.request, ""); !known) return answer_error(call.responder, known.error());
  auto wanted = read_new_token(call.request, parts.clock.wall());
  if (!wanted) return answer_error(call.responder, wanted.error());
  const auto made = parts.tokens.create(std::move(*wanted));
  if (!made) return answer_error(call.responder, made.error());
  note_change(parts, call, "token new", "", shown(made->record, parts.clock.wall()));
  HttpResponse response;
  response.status = 201;
  response.headers.emplace_back("Cache-Control", "no-store");
  JsonWriter out(response.body);
  out.begin_object();
  write_fields(out, made->record, parts.clock.wall());
  out.field("token", std::string_view(made->text)).end_object();
  call.responder.answer(std::move(response));
}

void answer_revoke_token(const ApiParts& parts, Call call) {
  const auto revoked = parts.tokens.revoke(call.path.get("token"));
  if (!revoked) return answer_error(call.responder, revoked.error());
  note_change(parts, call, "token revoke", shown(*revoked, parts.clock.wall()), "");
  HttpResponse response;
  response.status = 204;
  call.responder.answer(std::move(response));
}

void answer_session(const ApiParts&, Call call) {
  std::string text;
  JsonWriter out(text);
  out.begin_object().field("name", std::string_view(call.principal.name));
  out.field("role", to_string(call.principal.role)).key("namespaces").begin_array();
  for (const std::string& ns : call.principal.scope.namespaces) out.value(std::string_view(ns));
  out.end_array().end_object();
  answer_json(call.responder, std::move(text));
}

void answer_login(const ApiParts& parts, Call call) {
  if (const auto known = only_parameters(call.request, ""); !known) return answer_error(call.responder, known.error());
  static constexpr Duration kCookieLifetime = 30 * 24h;
  const auto body = json_body(call.request, "token");
  if (!body) return answer_error(call.responder, body.error());
  const auto token = body_text(*body, "token");
  if (!token) return answer_error(call.responder, token.error());
  auto principal = parts.gate.who_is(call.request, *token);
  if (!principal) return call.responder.answer(std::move(principal).error());
  call.responder.answer(with_cookie(parts, *token, kCookieLifetime));
}

void answer_logout(const ApiParts& parts, Call call) { call.responder.answer(with_cookie(parts, "", 0s)); }

}  // namespace dragonfly
