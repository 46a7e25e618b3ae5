// The configuration file of cbmon: server, token, cacert and output, as YAML. Environment and command line come after it.
//
// Units      none.
// Ownership  values.
// Threading  pure.
// Errors     read: kInvalidArgument naming the file, the key, its value and what is allowed; unknown keys are warnings.
// Limits     those of base/config.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/core/result.h"

namespace dragonfly {

struct CliSettings {
  std::string server = "http://127.0.0.1:9090";
  std::string token;  // Or "@FILE" that holds it.
  std::string cacert;
  std::string output = "table";  // table | json | csv
  std::vector<std::string> warnings;
};

Result<CliSettings> read_cli_settings(const std::string& file_name, std::string_view text);

// Where it lies: CBMON_CONFIG, else cbmon/config.yaml in XDG_CONFIG_HOME or HOME/.config; empty: nowhere.
std::string cli_settings_path(std::string_view cbmon_config, std::string_view xdg_config_home, std::string_view home);

}  // namespace dragonfly
