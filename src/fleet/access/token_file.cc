#include "fleet/access/token_file.h"

#include <algorithm>
#include <charconv>

#include "base/core/crc32c.h"
#include "base/core/names.h"

namespace dragonfly {
namespace {

constexpr std::string_view kHeading = "cb-dragonfly tokens 1\n";
constexpr std::string_view kPrefix = "cbd_";
constexpr size_t kIdDigits = 16;
constexpr size_t kSecretDigits = 64;

bool is_hex(std::string_view text, size_t digits) {
  return text.size() == digits &&
         std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

std::string_view next_column(std::string_view& line) {
  const std::string_view column = line.substr(0, line.find('\t'));
  line.remove_prefix(std::min(column.size() + 1, line.size()));
  return column;
}

std::optional<TokenRecord> parse_line(std::string_view line) {
  const size_t last_tab = line.rfind('\t');
  if (last_tab == std::string_view::npos) return std::nullopt;
  uint32_t checksum = 0;
  const std::string_view digits = line.substr(last_tab + 1);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), checksum, 16);
  line = line.substr(0, last_tab);
  if (error != std::errc() || end != digits.data() + digits.size() || crc32c(as_bytes(line)) != checksum) {
    return std::nullopt;
  }
  TokenRecord token;
  token.id = next_column(line);
  const auto role = find_role(next_column(line));
  const auto created = parse_rfc3339(next_column(line));
  const std::string_view expires_text = next_column(line);
  const auto expires = parse_rfc3339(expires_text);
  const Bytes digest = from_hex(next_column(line));
  token.name = next_column(line);
  while (!line.empty()) token.scope.namespaces.emplace_back(next_column(line));
  if (!is_hex(token.id, kIdDigits) || !role || !created || (!expires && expires_text != "-") ||
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
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
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
    std::string line =
        fmt::format("{}\t{}\t{}\t{}\t{}\t{}", token.id, to_string(token.role), format_rfc3339(token.created),
                    token.expires ? format_rfc3339(*token.expires) : "-", to_hex(token.digest), token.name);
    for (const std::string& ns : token.scope.namespaces) line += "\t" + ns;
    out += fmt::format("{}\t{:08x}\n", line, crc32c(as_bytes(line)));
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
