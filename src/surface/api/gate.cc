#include "surface/api/gate.h"

#include "fleet/access/token_file.h"

namespace dragonfly {
namespace {

HttpResponse unauthenticated(std::string_view message) {
  HttpResponse response = error_response(401, message);
  response.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"cb-dragonfly\"");
  return response;
}

HttpResponse too_many(std::string_view message) {
  HttpResponse response = error_response(429, message);
  response.headers.emplace_back("Retry-After", "1");
  return response;
}

// The address of "127.0.0.1:50000", "[::1]:50000".
std::string source_of(const HttpRequest& request) { return request.remote.substr(0, request.remote.rfind(':')); }

bool is_same_origin(const HttpRequest& request) {
  const std::string_view origin = request.header("origin");
  const size_t host = origin.find("://");
  return host != std::string_view::npos && lower_case(origin.substr(host + 3)) == lower_case(request.header("host"));
}

std::optional<Role> role_of(Needs needs) {
  switch (needs) {
    case Needs::kNothing:
    case Needs::kAgentToken:
    case Needs::kSeal: return std::nullopt;
    case Needs::kViewer: return Role::kViewer;
    case Needs::kOperator: return Role::kOperator;
    case Needs::kAdmin: return Role::kAdmin;
  }
  return Role::kAdmin;
}

}  // namespace

CarriedToken carried_token(const HttpRequest& request) {
  const std::string_view authorization = request.header("authorization");
  if (lower_case(authorization.substr(0, 7)) == "bearer ") return {trimmed(authorization.substr(7)), false};
  std::string_view cookies = request.header("cookie");
  while (!cookies.empty()) {
    const std::string_view one = cookies.substr(0, cookies.find(';'));
    cookies.remove_prefix(std::min(one.size() + 1, cookies.size()));
    const size_t equals = one.find('=');
    if (equals != std::string_view::npos && trimmed(one.substr(0, equals)) == Gate::kCookie)
      return {trimmed(one.substr(equals + 1)), true};
  }
  return {};
}

std::optional<HttpResponse> Gate::refuses_source(const HttpRequest& request) {
  if (failures_.has(source_of(request), clock_.monotonic())) return std::nullopt;
  return too_many("too many wrong tokens came from this address; try again in a second");
}

HttpResponse Gate::refuse_token(const HttpRequest& request, std::string_view why) {
  failures_.take(source_of(request), clock_.monotonic());
  return unauthenticated(why);
}

Gate::Admission Gate::who_is(const HttpRequest& request, std::string_view token) {
  const std::string source = source_of(request);
  const MonotonicTime now = clock_.monotonic();
  // A token that exists has a budget of its own at each address, so that the wrong ones of others there do not shut it
  // out; its secret may still be guessed at no more often.
  const auto id = token_id_of(token);
  const bool exists = id && tokens_.has(*id);
  const std::string client = exists ? source + " " + *id : source;
  if (!failures_.has(client, now)) {
    return tl::unexpected(too_many("too many wrong tokens came from this address; try again in a second"));
  }
  auto principal = tokens_.authenticate(token);
  if (principal) return std::move(*principal);
  failures_.take(client, now);
  return tl::unexpected(unauthenticated(principal.error().message));
}

std::optional<HttpResponse> Gate::too_often_without_token(const HttpRequest& request) {
  if (options_.requests_per_second <= 0 || request.is_loopback) return std::nullopt;
  if (requests_.take("address " + source_of(request), clock_.monotonic())) return std::nullopt;
  return too_many(fmt::format("this address asks more than {} times a second", options_.requests_per_second));
}

Gate::Admission Gate::admit(const HttpRequest& request, Needs needs) {
  const auto role = role_of(needs);
  const bool asks_whoever = options_.open || !role;
  if (needs == Needs::kSeal) return Principal{"", "", Role::kViewer, {}};
  if (asks_whoever || carried_token(request).text.empty()) {
    if (auto refused = too_often_without_token(request)) return tl::unexpected(std::move(*refused));
  }
  if (asks_whoever) return Principal{"", "", options_.open ? Role::kAdmin : Role::kViewer, {}};
  const CarriedToken token = carried_token(request);
  if (token.text.empty()) {
    return tl::unexpected(unauthenticated("a token is needed: send 'Authorization: Bearer TOKEN'"));
  }
  Admission principal = who_is(request, token.text);
  if (!principal) return principal;
  if (token.by_cookie && request.method != "GET" && !is_same_origin(request)) {
    return tl::unexpected(error_response(403, "with the page's cookie only the page itself may change something"));
  }
  if (principal->role < *role) {
    return tl::unexpected(
        error_response(403, fmt::format("this needs the role {}; the token '{}' has the role {}", to_string(*role),
                                        principal->name, to_string(principal->role))));
  }
  if (options_.requests_per_second > 0 && !requests_.take(principal->token_id, clock_.monotonic())) {
    return tl::unexpected(too_many(
        fmt::format("the token '{}' asks more than {} times a second", principal->name, options_.requests_per_second)));
  }
  return principal;
}

}  // namespace dragonfly
