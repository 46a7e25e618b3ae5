#include "fleet/access/token_file.h"

#include <algorithm>

#include "base/core/checked_line.h"
#include "base/core/names.h"

namespace dragonfly {
namespace {

constexpr std::string_view kHeading = "cb-dragonfly tokens 1\n";
constexpr std::string_view kPrefix = "cbd_";
constexpr size_t kIdDigits = 16;
constexpr size_t kSecretDigits = 64;
constexpr size_t kColumnsBeforeNamespaces = 6;

bool is_hex(std::string_view text, size_t digits) {
  return text.size() == digits &&
         std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

std::optional<TokenRecord> parse_line(std::string_view line) {
  const auto columns = parse_checked_line(line);
  if (!columns || columns->size() < kColumnsBeforeNamespaces) return std::nullopt;
  const auto& c = *columns;
  TokenRecord token;
  token.id = c[0];
  const auto role = find_role(c[1]);
  const auto created = parse_rfc3339(c[2]);
  const auto expires = parse_rfc3339(c[3]);
  const Bytes digest = from_hex(c[4]);
  token.name = c[5];
  token.scope.namespaces.assign(c.begin() + kColumnsBeforeNamespaces, c.end());
  if (!is_hex(token.id, kIdDigits) || !role || !created || (!expires && c[3] != "-") ||
      digest.size() != token.digest.size() || !check_name("name", token.name) ||
      token.scope.namespaces.size() > kTokenNamespacesMax) {
    return std::nullopt;
  }
  for (const std::string& ns : token.scope.namespaces) {
    if (!check_name("namespace", ns)) return std::nullopt;
  }
  std::sort(token.scope.namespaces.begin(), token.scope.namespaces.end());
  token.role = *role;
  token.created = *created;
  if (expires) token.expires = *expires;
  std::copy(digest.begin(), digest.end(), token.digest.begin());
  return token;
}

}  // namespace

Result<TokenFile> parse_token_file(std::string_view text) {
  if (!text.starts_with(kHeading)) {
    return fail(ErrorCode::kUnsupported, "it does not begin with '{}'", kHeading.substr(0, kHeading.size() - 1));
  }
  text.remove_prefix(kHeading.size());
  TokenFile out;
  for (const std::string_view line : lines_of(text)) {
    auto token = parse_line(line);
    if (token && out.tokens.size() < kTokensMax) {
      out.tokens.push_back(std::move(*token));
    } else {
      ++out.damaged_lines;
    }
  }
  return out;
}

std::string format_token_file(const std::vector<TokenRecord>& tokens) {
  std::string out(kHeading);
  for (const TokenRecord& token : tokens) {
    const std::string created = format_rfc3339(token.created);
    const std::string expires = token.expires ? format_rfc3339(*token.expires) : "-";
    const std::string digest = to_hex(token.digest);
    std::vector<std::string_view> columns = {token.id, to_string(token.role), created, expires, digest, token.name};
    columns.insert(columns.end(), token.scope.namespaces.begin(), token.scope.namespaces.end());
    out += format_checked_line(columns);
  }
  return out;
}

std::optional<std::string> token_id_of(std::string_view text) {
  const size_t id = kPrefix.size();
  const size_t secret = id + kIdDigits + 1;
  if (text.size() != secret + kSecretDigits || !text.starts_with(kPrefix) || text[secret - 1] != '_' ||
      !is_hex(text.substr(id, kIdDigits), kIdDigits) || !is_hex(text.substr(secret), kSecretDigits)) {
    return std::nullopt;
  }
  return std::string(text.substr(id, kIdDigits));
}

}  // namespace dragonfly
