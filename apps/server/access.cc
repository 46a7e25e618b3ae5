#include "access.h"

#include "base/net/endpoint.h"
#include "tls_files.h"

namespace dragonfly {

bool is_reachable(const ServerSettings& settings) {
  const auto listen = Endpoint::parse(settings.http);
  return !listen || !listen->is_loopback();
}

bool needs_tokens(const ServerSettings& settings) {
  return settings.access == "on" || (is_reachable(settings) && !settings.insecure);
}

namespace {

// What --insecure leaves open.
std::string insecurity(const ServerSettings& settings) {
  if (!is_reachable(settings)) return {};
  const bool open = !needs_tokens(settings);
  if (!open && wants_tls(settings)) return {};
  return fmt::format("--insecure: {} {} {}", settings.http,
                     wants_tls(settings) ? "is open" : "speaks in clear, and whoever is on the way reads along;",
                     open ? "whoever reaches it may do everything" : "also tokens");
}

}  // namespace

std::string openness(const ServerSettings& settings) {
  std::string out = insecurity(settings);
  if (settings.legacy_listen.empty()) return out;
  std::string networks;
  for (const std::string& network : settings.legacy_networks) networks += (networks.empty() ? "" : ", ") + network;
  return fmt::format("{}{}api.legacy_listen: {} answers in clear and without tokens to {}", out,
                     out.empty() ? "" : "; ", settings.legacy_listen, networks);
}

Result<std::string> first_token(const ServerSettings& settings, TokenStore& tokens) {
  if (!needs_tokens(settings) || !tokens.is_empty()) return std::string();
  auto made = tokens.create({"first", Role::kAdmin, {}, {}});
  if (!made) return fail(made.error());
  return std::move(made->text);
}

}  // namespace dragonfly
