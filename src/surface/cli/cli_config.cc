#include "surface/cli/cli_config.h"

#include "base/config/config.h"

namespace dragonfly {
namespace {

constexpr ConfigKey kKeys[] = {
    {"server", "", ConfigType::kText, "http://127.0.0.1:9090", "", 0, 0, "", "Where the server is."},
    {"token", "", ConfigType::kText, "", "", 0, 0, "", "Who asks, or @FILE that holds it."},
    {"cacert", "", ConfigType::kText, "", "", 0, 0, "", "Who vouches for the server."},
    {"output", "", ConfigType::kWord, "table", "", 0, 0, "table|json|csv", "How answers are shown."},
};

}  // namespace

Result<CliSettings> read_cli_settings(const std::string& file_name, std::string_view text) {
  auto config = Config::load(kKeys, {file_name, text, {}});
  if (!config) return fail(std::move(config).error());
  return CliSettings{config->text("server"), config->text("token"), config->text("cacert"), config->text("output"),
                     config->warnings()};
}

std::string cli_settings_path(std::string_view cbmon_config, std::string_view xdg_config_home, std::string_view home) {
  if (!cbmon_config.empty()) return std::string(cbmon_config);
  if (!xdg_config_home.empty()) return fmt::format("{}/cbmon/config.yaml", xdg_config_home);
  return home.empty() ? std::string() : fmt::format("{}/.config/cbmon/config.yaml", home);
}

}  // namespace dragonfly
