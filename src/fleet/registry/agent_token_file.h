// The file of agent tokens (docs/formats/agent_tokens.md): what is kept of a token by which machines enrol.
//
// Units      times as base/core/time.h, whole seconds in the file.
// Ownership  values.
// Threading  pure.
// Errors     kUnsupported: another version. A damaged line costs its token, and is counted.
// Limits     kAgentTokensMax tokens.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/core/result.h"
#include "base/core/time.h"
#include "base/crypto/crypto.h"

namespace dragonfly {

inline constexpr size_t kAgentTokensMax = 10'000;
inline constexpr uint32_t kAgentTokenUsesMax = 1'000'000;

struct AgentTokenRecord {
  std::string id;    // 16 hexadecimal digits; no secret.
  std::string name;  // For people; may be empty.
  std::string ns;
  std::string mcis;
  Timestamp created{};
  Timestamp expires{};
  uint32_t uses_max = 0;  // 0: as many as come before it expires.
  uint32_t uses = 0;
  Digest256 digest{};  // AgentToken::digest().
  bool operator==(const AgentTokenRecord&) const = default;
};

struct AgentTokenFile {
  std::vector<AgentTokenRecord> tokens;
  size_t damaged_lines = 0;
};
Result<AgentTokenFile> parse_agent_token_file(std::string_view text);
std::string format_agent_token_file(const std::vector<AgentTokenRecord>& tokens);

}  // namespace dragonfly
