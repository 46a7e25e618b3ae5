// The file of tokens (docs/formats/tokens.md): what is kept of a token, and its text.
//
// Units      times as base/core/time.h, whole seconds in the file.
// Ownership  values.
// Threading  pure.
// Errors     kUnsupported: another version. A damaged line costs its token, and is counted.
// Limits     kTokensMax tokens, kTokenNamespacesMax namespaces of one.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/core/result.h"
#include "base/core/time.h"
#include "base/crypto/crypto.h"
#include "fleet/access/principal.h"

namespace dragonfly {

inline constexpr size_t kTokensMax = 10'000;
inline constexpr size_t kTokenNamespacesMax = 100;

struct TokenRecord {
  std::string id;    // 16 hexadecimal digits; no secret.
  std::string name;  // For people.
  Role role = Role::kViewer;
  Scope scope;
  Timestamp created{};
  std::optional<Timestamp> expires;
  Digest256 digest{};  // SHA-256 of the token's text.
  bool operator==(const TokenRecord&) const = default;
};

struct TokenFile {
  std::vector<TokenRecord> tokens;
  size_t damaged_lines = 0;
};
Result<TokenFile> parse_token_file(std::string_view text);
std::string format_token_file(const std::vector<TokenRecord>& tokens);

// "cbd_<id>_<64 hexadecimal digits>": its id, where the text has that form.
std::optional<std::string> token_id_of(std::string_view text);

}  // namespace dragonfly
