#include "fleet/policy/policy_file.h"

#include <algorithm>

#include "base/core/number.h"
#include "fleet/policy/policy.h"

namespace dragonfly {
namespace {

constexpr std::string_view kVersion = "version";
constexpr std::string_view kHeading =
    "# Changes of the policy, kept by the server. PUT /dragonfly/config/reset forgets them.\n";

}  // namespace

const ConfigKey* find_policy_key(std::string_view name) {
  for (const ConfigKey& key : policy_config_keys()) {
    if (last_part(key.name) == name || (!key.alias.empty() && last_part(key.alias) == name)) return &key;
  }
  return nullptr;
}

Result<PolicyFile> parse_policy_file(std::string_view text) {
  PolicyFile file;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (line.empty() || line.starts_with('#')) continue;
    const size_t equals = line.find('=');
    if (equals == std::string_view::npos) return fail(ErrorCode::kCorruption, "a line without '='");
    const std::string_view name = line.substr(0, equals), value = line.substr(equals + 1);
    if (name == kVersion) {
      const auto version = parse_number<uint64_t>(value);
      if (!version) return fail(ErrorCode::kCorruption, "version is not a number");
      file.version = *version;
    } else if (const ConfigKey* key = find_policy_key(name)) {
      file.named[std::string(last_part(key->name))] = value;
    }
  }
  return file;
}

std::string format_policy_file(const PolicyFile& file) {
  std::string text(kHeading);
  text += fmt::format("{}={}\n", kVersion, file.version);
  for (const auto& [name, value] : file.named) text += fmt::format("{}={}\n", name, value);
  return text;
}

}  // namespace dragonfly
