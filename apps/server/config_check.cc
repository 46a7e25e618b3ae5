#include "config_check.h"

#include "base/net/endpoint.h"
#include "base/net/network.h"

namespace dragonfly {
namespace {

constexpr int kExitWarnings = 1;
constexpr int kExitWrong = 2;

void check_endpoint(std::string_view key, const std::string& text, std::vector<std::string>& out) {
  if (text.empty()) return;
  if (const auto endpoint = Endpoint::parse(text); !endpoint)
    out.push_back(fmt::format("{}: {}", key, endpoint.error().message));
}

void check_readable(std::string_view key, const std::string& path, std::vector<std::string>& out) {
  if (path.empty()) return;
  if (const auto read = system_files().read_file(path, kConfigFileBytesMax); !read)
    out.push_back(fmt::format("{}: {}", key, read.error().message));
}

// What each key alone does not show.
std::vector<std::string> wrong_settings(const ServerSettings& settings) {
  std::vector<std::string> out;
  check_endpoint("server.http", settings.http, out);
  check_endpoint("server.udp", settings.udp, out);
  check_endpoint("api.legacy_listen", settings.legacy_listen, out);
  for (const std::string& text : settings.legacy_networks) {
    if (const auto network = Network::parse(text); !network)
      out.push_back(fmt::format("api.legacy_networks: {}", network.error().message));
  }
  if (!settings.legacy_listen.empty() && settings.legacy_networks.empty())
    out.emplace_back("api.legacy_listen needs api.legacy_networks: who may ask there, like 10.0.0.0/8");
  if (settings.tls_certificate.empty() != settings.tls_key.empty())
    out.emplace_back("tls.certificate and tls.key belong together; one of them is empty");
  check_readable("tls.certificate", settings.tls_certificate, out);
  check_readable("tls.key", settings.tls_key, out);
  check_readable("tls.authority", settings.tls_authority, out);
  return out;
}

}  // namespace

int check_config(const ServerOptions& options) {
  fmt::print("{}\n", options.config_file.empty() ? "no configuration file; defaults" : options.config_file);
  for (const std::string& key : options.chosen_keys) fmt::print("  {}\n", key);
  std::vector<std::string> warnings = options.warnings;
  for (const std::string& warning : options.policy.warnings()) warnings.push_back(warning);
  for (const std::string& warning : warnings) fmt::print("warning: {}\n", warning);
  const std::vector<std::string> wrong = wrong_settings(options.settings);
  for (const std::string& one : wrong) fmt::print(stderr, "cb-dragonfly: {}\n", one);
  if (!wrong.empty()) return kExitWrong;
  fmt::print("{} warning{}; a server would start with it\n", warnings.size(), warnings.size() == 1 ? "" : "s");
  return options.is_strict && !warnings.empty() ? kExitWarnings : 0;
}

}  // namespace dragonfly
