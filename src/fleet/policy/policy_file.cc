#include "fleet/policy/policy_file.h"

#include <algorithm>

#include "base/core/crc32c.h"
#include "base/core/number.h"
#include "fleet/policy/policy.h"

namespace dragonfly {
namespace {

constexpr std::string_view kVersion = "version";
constexpr std::string_view kChecksum = "checksum";
constexpr std::string_view kHeading =
    "# Changes of the policy, kept by the server, format 2. PUT /dragonfly/config/reset forgets them.\n";

std::string checksum_of(std::string_view text) { return fmt::format("{:08x}", crc32c(as_bytes(text))); }

Result<> take_line(std::string_view line, PolicyFile& file, bool& has_version) {
  const size_t equals = line.find('=');
  if (equals == std::string_view::npos) return fail(ErrorCode::kCorruption, "a line without '='");
  const std::string_view name = line.substr(0, equals), value = line.substr(equals + 1);
  if (name == kVersion) {
    const auto version = parse_number<uint64_t>(value);
    if (!version) return fail(ErrorCode::kCorruption, "version is not a number");
    file.version = *version;
    has_version = true;
    return {};
  }
  const ChangeName change = parse_change_name(name);
  const ConfigKey* key = find_policy_key(change.key);
  if (key == nullptr || (!change.ns.empty() && !is_namespace_key(*key))) return {};
  file.named[change_name(last_part(key->name), change.ns)] = value;
  return {};
}

}  // namespace

std::string change_name(std::string_view key, std::string_view ns) {
  std::string out(key);
  if (!ns.empty()) out += '@';
  for (const char c : ns) {
    if (c == '%' || c == '=') {
      out += c == '%' ? "%25" : "%3D";
    } else {
      out += c;
    }
  }
  return out;
}

ChangeName parse_change_name(std::string_view name) {
  const size_t at = std::min(name.find('@'), name.size());
  ChangeName out{name.substr(0, at), {}};
  for (size_t i = at + 1; i < name.size(); ++i) {
    const std::string_view escape = name.substr(i, 3);
    if (escape == "%25" || escape == "%3D") {
      out.ns += escape == "%25" ? '%' : '=';
      i += 2;
    } else {
      out.ns += name[i];
    }
  }
  return out;
}

const ConfigKey* find_policy_key(std::string_view name) {
  for (const ConfigKey& key : policy_config_keys()) {
    if (last_part(key.name) == name || (!key.alias.empty() && last_part(key.alias) == name)) return &key;
  }
  return nullptr;
}

Result<PolicyFile> parse_policy_file(std::string_view text) {
  PolicyFile file;
  const std::string_view whole = text;
  bool has_version = false;
  bool has_checksum = false;
  while (!text.empty()) {
    if (has_checksum) return fail(ErrorCode::kCorruption, "something follows the checksum");
    const std::string_view before = whole.substr(0, whole.size() - text.size());
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (line.empty() || line.starts_with('#')) continue;
    if (line.starts_with(kChecksum)) {
      has_checksum = line == fmt::format("{}={}", kChecksum, checksum_of(before));
      if (!has_checksum) return fail(ErrorCode::kCorruption, "the checksum is wrong");
    } else {
      DF_TRY(take_line(line, file, has_version));
    }
  }
  if (!has_version) return fail(ErrorCode::kCorruption, "the version is missing");
  if (whole.starts_with(kHeading) && !has_checksum) return fail(ErrorCode::kCorruption, "the checksum is missing");
  return file;
}

std::string format_policy_file(const PolicyFile& file) {
  std::string text(kHeading);
  text += fmt::format("{}={}\n", kVersion, file.version);
  for (const auto& [name, value] : file.named) text += fmt::format("{}={}\n", name, value);
  text += fmt::format("{}={}\n", kChecksum, checksum_of(text));
  return text;
}

}  // namespace dragonfly
