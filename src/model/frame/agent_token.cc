#include "model/frame/agent_token.h"

#include <algorithm>

namespace dragonfly {
namespace {

constexpr std::string_view kPrefix = "cba_";
constexpr size_t kIdDigits = 16;
constexpr size_t kSecretDigits = 32;

bool is_hex(std::string_view text, size_t digits) {
  return text.size() == digits &&
         std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

// Up to the next underscore, which is taken along.
std::string_view next_part(std::string_view& text) {
  const std::string_view part = text.substr(0, text.find('_'));
  text.remove_prefix(std::min(part.size() + 1, text.size()));
  return part;
}

}  // namespace

std::string AgentToken::text() const {
  return fmt::format("{}{}_{}{}{}", kPrefix, id, secret, authority ? "_" : "", authority ? to_hex(*authority) : "");
}

Digest256 AgentToken::digest() const { return sha256(as_bytes(fmt::format("{}{}_{}", kPrefix, id, secret))); }

Result<AgentToken> parse_agent_token(std::string_view text) {
  const auto wrong = [] {
    return fail(ErrorCode::kInvalidArgument,
                "this is not a token for an agent; `cbmon agent token new` makes one, like cba_0123…_…");
  };
  if (!text.starts_with(kPrefix)) return wrong();
  text.remove_prefix(kPrefix.size());
  AgentToken out;
  out.id = next_part(text);
  const bool has_authority = std::count(text.begin(), text.end(), '_') == 1;
  out.secret = next_part(text);
  if (!is_hex(out.id, kIdDigits) || !is_hex(out.secret, kSecretDigits)) return wrong();
  if (!has_authority) return text.empty() ? Result<AgentToken>(std::move(out)) : wrong();
  const Bytes digest = from_hex(text);
  out.authority.emplace();
  if (!is_hex(text, 2 * out.authority->size())) return wrong();
  std::copy(digest.begin(), digest.end(), out.authority->begin());
  return out;
}

Digest256 authority_fingerprint(const std::vector<Bytes>& certificates) {
  Bytes all;
  for (const Bytes& one : certificates) all.insert(all.end(), one.begin(), one.end());
  return sha256(all);
}

}  // namespace dragonfly
