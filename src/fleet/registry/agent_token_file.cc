#include "fleet/registry/agent_token_file.h"

#include <algorithm>
#include <array>

#include "base/core/checked_line.h"
#include "base/core/names.h"
#include "base/core/number.h"

namespace dragonfly {
namespace {

constexpr std::string_view kHeading = "cb-dragonfly agent tokens 1\n";
constexpr size_t kColumns = 9;
constexpr size_t kIdDigits = 16;

bool is_id(std::string_view text) {
  return text.size() == kIdDigits &&
         std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

std::optional<AgentTokenRecord> parse_line(std::string_view line) {
  const auto columns = parse_checked_line(line);
  if (!columns || columns->size() != kColumns) return std::nullopt;
  const auto& c = *columns;
  AgentTokenRecord token;
  const auto created = parse_rfc3339(c[1]);
  const auto expires = parse_rfc3339(c[2]);
  const auto uses_max = parse_number<uint32_t>(c[3]);
  const auto uses = parse_number<uint32_t>(c[4]);
  const Bytes digest = from_hex(c[5]);
  const bool named = c[8].empty() || check_name("name", c[8]);
  if (!is_id(c[0]) || !created || !expires || !uses_max || *uses_max > kAgentTokenUsesMax || !uses ||
      digest.size() != token.digest.size() || !check_name("ns", c[6]) || !check_name("mcis", c[7]) || !named) {
    return std::nullopt;
  }
  token.id = c[0];
  token.created = *created;
  token.expires = *expires;
  token.uses_max = *uses_max;
  token.uses = *uses;
  std::copy(digest.begin(), digest.end(), token.digest.begin());
  token.ns = c[6];
  token.mcis = c[7];
  token.name = c[8];
  return token;
}

}  // namespace

Result<AgentTokenFile> parse_agent_token_file(std::string_view text) {
  if (!text.starts_with(kHeading)) {
    return fail(ErrorCode::kUnsupported, "it does not begin with '{}'", kHeading.substr(0, kHeading.size() - 1));
  }
  text.remove_prefix(kHeading.size());
  AgentTokenFile out;
  for (const std::string_view line : lines_of(text)) {
    auto token = parse_line(line);
    if (token && out.tokens.size() < kAgentTokensMax) {
      out.tokens.push_back(std::move(*token));
    } else {
      ++out.damaged_lines;
    }
  }
  return out;
}

std::string format_agent_token_file(const std::vector<AgentTokenRecord>& tokens) {
  std::string out(kHeading);
  for (const AgentTokenRecord& token : tokens) {
    const std::string created = format_rfc3339(token.created);
    const std::string expires = format_rfc3339(token.expires);
    const std::string uses_max = std::to_string(token.uses_max);
    const std::string uses = std::to_string(token.uses);
    const std::string digest = to_hex(token.digest);
    const std::array<std::string_view, kColumns> columns = {token.id, created,  expires,    uses_max,  uses,
                                                            digest,   token.ns, token.mcis, token.name};
    out += format_checked_line(columns);
  }
  return out;
}

}  // namespace dragonfly
