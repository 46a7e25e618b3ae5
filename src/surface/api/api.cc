#include "surface/api/api.h"

#include <functional>
#include <optional>

#include "surface/api/cors.h"
#include "surface/api/routes.h"
#include "surface/api/scope.h"

namespace dragonfly {
namespace {

// Adds the route's CORS headers to whatever its handler answers.
class WithHeaders final : public HttpExchange {
 public:
  // `known`: the If-None-Match of the request, where the route has ETags.
  WithHeaders(Responder responder, NamedValues headers, std::optional<std::string> known)
      : responder_(std::move(responder)), headers_(std::move(headers)), known_(std::move(known)) {}
  void answer(HttpResponse response) override { responder_.answer(added(std::move(response))); }
  std::shared_ptr<HttpStream> start_stream(HttpResponse head, HttpStreamOptions options) override {
    return responder_.start_stream(added(std::move(head)), std::move(options));
  }
  // Without ETag: its text is not known before it is sent.
  void answer_in_pieces(HttpResponse begin, std::unique_ptr<HttpBody> rest) override {
    responder_.answer_in_pieces(with_cors(std::move(begin)), std::move(rest));
  }

 private:
  HttpResponse with_cors(HttpResponse response) const {
    response.headers.insert(response.headers.end(), headers_.begin(), headers_.end());
    return response;
  }
  HttpResponse added(HttpResponse response) const {
    response = with_cors(std::move(response));
    if (known_ && response.status == 200) tag(response);
    return response;
  }
  // Weak, for the same text may come packed.
  void tag(HttpResponse& response) const {
    const std::string etag = fmt::format("W/\"{:016x}\"", std::hash<std::string>{}(response.body));
    std::erase_if(response.headers, [](const auto& header) { return header.first == "Cache-Control"; });
    response.headers.emplace_back("Cache-Control", "no-cache");
    response.headers.emplace_back("ETag", etag);
    if (*known_ != "*" && known_->find(etag) == std::string::npos) return;
    response.status = 304;
    response.body.clear();
  }
  const Responder responder_;
  const NamedValues headers_;
  const std::optional<std::string> known_;
};

// What clients of earlier releases call: sections of the API before the native one.
bool is_legacy(std::string_view pattern) {
  return pattern.starts_with("/mon/") || pattern.starts_with("/dragonfly/") || pattern == "/healthcheck" ||
         pattern == "/health" || pattern == "/metrics";
}

HttpResponse unknown_path(const HttpRequest& request, const std::string& nearest) {
  const std::string_view path = std::string_view(request.target).substr(0, request.target.find('?'));
  const std::string hint =
      nearest.empty() ? std::string("docs/api/openapi.yaml lists all") : fmt::format("the nearest is {}", nearest);
  return error_response(404, fmt::format("path '{}' is not known; {}", path.substr(0, 200), hint));
}

}  // namespace

Api::Api(ApiParts parts) : parts_(std::move(parts)), scopes_(std::make_unique<Scopes>(parts_)) {}
Api::~Api() = default;

NamedValues Api::common_headers() {
  return {{"X-Content-Type-Options", "nosniff"},
          {"Content-Security-Policy", "default-src 'self'; frame-ancestors 'none'"},
          {"Referrer-Policy", "no-referrer"}};
}

void Api::handle(HttpRequest request, Responder responder) const {
  serve(std::move(request), std::move(responder), false);
}

void Api::handle_legacy(HttpRequest request, Responder responder) const {
  serve(std::move(request), std::move(responder), true);
}

void Api::serve(HttpRequest request, Responder responder, bool legacy) const {
  const bool asks_options = request.method == "OPTIONS";
  const std::string wanted(asks_options ? request.header("access-control-request-method")
                                        : std::string_view(request.method));
  RouteMatch match = find_route(wanted == "HEAD" ? "GET" : wanted, request.path);
  if (asks_options && (request.target == "*" || !match.allow.empty())) {
    if (request.target == "*") match = {nullptr, {}, "GET, HEAD, POST, OPTIONS", {}};
    responder.answer(preflight(match.route, match.allow, request, parts_.cors_origins));
    return;
  }
  if (match.allow.empty()) {
    responder.answer(unknown_path(request, match.nearest));
    return;
  }
  if (match.route == nullptr) {
    HttpResponse response = error_response(
        405, fmt::format("method {} is not allowed here; allowed are {}", request.method.substr(0, 40), match.allow));
    response.headers.emplace_back("Allow", match.allow);
    responder.answer(std::move(response));
    return;
  }
  if (legacy && !is_legacy(match.route->pattern)) {
    responder.answer(error_response(404, "this path is not served at api.legacy_listen; ask at server.http"));
    return;
  }
  if (const auto refused = refused_origin(*match.route, request, parts_.cors_origins)) {
    responder.answer(error_response(403, *refused));
    return;
  }
  NamedValues headers = cors_headers(*match.route, request, parts_.cors_origins);
  std::optional<std::string> known;
  if (match.route->has_etag) known = request.header("if-none-match");
  Responder with_headers(std::make_shared<WithHeaders>(std::move(responder), std::move(headers), std::move(known)));
  auto principal = legacy ? Gate::Admission(Principal{"legacy", "", Role::kAdmin, {}})
                          : parts_.gate.admit(request, match.route->needs);
  if (!principal) {
    with_headers.answer(std::move(principal).error());
    return;
  }
  const ApiParts& parts = scopes_->of(principal->scope);
  match.route->handler(parts,
                       Call{std::move(request), std::move(match.path), std::move(with_headers), std::move(*principal)});
}

}  // namespace dragonfly
