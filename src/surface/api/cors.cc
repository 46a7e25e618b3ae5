#include "surface/api/cors.h"

#include <algorithm>

namespace dragonfly {
namespace {

bool is_same_origin(std::string_view origin, const HttpRequest& request) {
  const size_t host = origin.find("://");
  if (host == std::string_view::npos) return false;
  return lower_case(origin.substr(host + 3)) == lower_case(request.header("host"));
}

bool is_listed(std::string_view origin, const std::vector<std::string>& listed) {
  return std::any_of(listed.begin(), listed.end(), [&](const std::string& one) { return one == origin; });
}

}  // namespace

NamedValues cors_headers(const Route& route, const HttpRequest& request, const std::vector<std::string>& listed) {
  if (route.open_to_all_origins) return {{"Access-Control-Allow-Origin", "*"}};
  const std::string_view origin = request.header("origin");
  if (origin.empty() || !is_listed(origin, listed)) return {{"Vary", "Origin"}};
  return {{"Access-Control-Allow-Origin", std::string(origin)}, {"Vary", "Origin"}};
}

std::optional<std::string> refused_origin(const Route& route, const HttpRequest& request,
                                          const std::vector<std::string>& listed) {
  const std::string_view origin = request.header("origin");
  if (route.open_to_all_origins || origin.empty() || is_same_origin(origin, request) || is_listed(origin, listed)) {
    return std::nullopt;
  }
  return fmt::format("a page of '{}' may not do this: the origin is not listed in api.cors_origins", origin);
}

HttpResponse preflight(const Route* route, const std::string& allow, const HttpRequest& request,
                       const std::vector<std::string>& listed) {
  HttpResponse response;
  response.status = 204;
  response.headers.emplace_back("Allow", allow);
  if (route == nullptr || refused_origin(*route, request, listed)) return response;
  for (auto& header : cors_headers(*route, request, listed)) response.headers.push_back(std::move(header));
  response.headers.emplace_back("Access-Control-Allow-Methods", allow);
  response.headers.emplace_back("Access-Control-Allow-Headers", "Authorization, Content-Type, Content-Encoding");
  response.headers.emplace_back("Access-Control-Max-Age", "600");
  return response;
}

}  // namespace dragonfly
