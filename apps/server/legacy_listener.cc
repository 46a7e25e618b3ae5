#include "legacy_listener.h"

#include <algorithm>

namespace dragonfly {
namespace {

// "192.0.2.7:5000", "[::1]:5000" → the address.
std::string_view address_of(std::string_view remote) {
  remote = remote.substr(0, remote.rfind(':'));
  if (remote.starts_with('[') && remote.ends_with(']')) remote = remote.substr(1, remote.size() - 2);
  return remote;
}

}  // namespace

Result<std::unique_ptr<LegacyListener>> LegacyListener::start(const ServerSettings& settings, const Api& api,
                                                              Clock& clock, Executor& workers) {
  if (settings.legacy_networks.empty())
    return fail(ErrorCode::kInvalidArgument,
                "api.legacy_listen: api.legacy_networks is empty; name who may ask, like 10.0.0.0/8");
  std::vector<Network> networks;
  std::string told;
  for (const std::string& text : settings.legacy_networks) {
    const auto network = Network::parse(text);
    if (!network) return fail(ErrorCode::kInvalidArgument, "api.legacy_networks: {}", network.error().message);
    networks.push_back(*network);
    told += (told.empty() ? "" : ", ") + text;
  }
  std::unique_ptr<LegacyListener> out(new LegacyListener(api, std::move(networks)));
  out->networks_told_ = std::move(told);
  HttpOptions http;
  http.listen = settings.legacy_listen;
  http.allowed_hosts = settings.allowed_hosts;
  http.common_headers = Api::common_headers();
  auto server =
      HttpServer::start(http, clock, workers, [listener = out.get()](HttpRequest request, Responder responder) {
        listener->handle(std::move(request), std::move(responder));
      });
  if (!server) return fail(server.error().code, "api.legacy_listen: {}", server.error().message);
  out->http_ = std::move(*server);
  return out;
}

void LegacyListener::handle(HttpRequest request, Responder responder) const {
  const std::string_view address = address_of(request.remote);
  if (std::ranges::any_of(networks_, [&](const Network& network) { return network.contains(address); }))
    return api_.handle_legacy(std::move(request), std::move(responder));
  responder.answer(error_response(403, fmt::format("{} is in none of api.legacy_networks", address)));
}

std::string LegacyListener::told() const {
  return fmt::format("api.legacy_listen: {} answers in clear and without tokens to {}", http_->local(), networks_told_);
}

}  // namespace dragonfly
