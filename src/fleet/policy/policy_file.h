// The file of changes of the policy (docs/formats/policy.md): what was changed, and its text.
//
// Units      none.
// Ownership  values.
// Threading  pure.
// Errors     kCorruption: a line that is none, a version that is missing or no number, a checksum that is missing or wrong.
// Limits     kPolicyFileBytesMax.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/config/config.h"
#include "base/core/result.h"

namespace dragonfly {

inline constexpr size_t kPolicyFileBytesMax = 64 * 1024;

struct PolicyFile {
  uint64_t version = 0;                                   // Grows with every change.
  std::map<std::string, std::string, std::less<>> named;  // Value as text by change_name().
  bool operator==(const PolicyFile&) const = default;
};

// Version 2, or version 1, which has no checksum. Values are not judged here; names of keys that this version does not have are left out.
Result<PolicyFile> parse_policy_file(std::string_view text);
// Values hold no line break.
std::string format_policy_file(const PolicyFile& file);

// What a change is called in files and history: the key's name, last part, and for a namespace of its own "@" and that,
// in which "%" and "=" stand as %25 and %3D.
std::string change_name(std::string_view key, std::string_view ns);
struct ChangeName {
  std::string_view key;
  std::string ns;  // Empty: the whole server's.
};
ChangeName parse_change_name(std::string_view name);

// The policy's key of that name or alias, by last part ("agent_interval"); null where there is none.
const ConfigKey* find_policy_key(std::string_view name);
// "monitoring.agent_interval" → "agent_interval"
inline std::string_view last_part(std::string_view name) { return name.substr(name.rfind('.') + 1); }

}  // namespace dragonfly
