// TokenStore: the tokens by which people and programs are known. A token's text is told once, when it is made; kept is
// its SHA-256 (it holds 256 random bits, so a slow hash would add nothing).
//
// Units      times as base/core/time.h.
// Ownership  borrows FileSystem, Random and Clock, which outlive it; owns <data>/secrets/tokens.
// Threading  any thread: a mutex held for a look-up, and while the file is written.
// Errors     authenticate(): kUnauthenticated, the same for a wrong and for an unknown token. create(): kInvalidArgument,
//            kResourceExhausted. revoke(): kNotFound; kConflict for the last admin. A change that cannot be written is none.
// Limits     kTokensMax, kTokenNamespacesMax; lifetimes up to ten years.
#pragma once

#include <mutex>

#include "base/fs/file.h"
#include "base/rt/clock.h"
#include "base/rt/random.h"
#include "fleet/access/token_file.h"

namespace dragonfly {

inline constexpr Duration kTokenLifetimeMax = 3650 * 24h;

struct NewToken {
  std::string name;
  Role role = Role::kViewer;
  std::vector<std::string> namespaces;  // Empty: all.
  std::optional<Duration> lifetime;     // None: until it is revoked.
};

class TokenStore {
 public:
  struct Created {
    TokenRecord record;
    std::string text;
  };
  static Result<std::unique_ptr<TokenStore>> open(FileSystem& files, Random& random, const Clock& clock,
                                                  const Path& data_directory);
  Result<Created> create(NewToken wanted);
  // What it was.
  Result<TokenRecord> revoke(std::string_view id);
  std::vector<TokenRecord> list() const;
  bool is_empty() const;
  // Whether there is a token of that id, whatever its secret.
  bool has(std::string_view id) const;
  Result<Principal> authenticate(std::string_view text) const;
  // Of the file when it was opened.
  size_t damaged_lines() const { return damaged_lines_; }

 private:
  TokenStore(FileSystem& files, Random& random, const Clock& clock, Path file)
      : files_(files), random_(random), clock_(clock), file_(std::move(file)) {}
  Result<> save(const std::vector<TokenRecord>& tokens);
  bool is_valid(const TokenRecord& token) const { return !token.expires || clock_.wall() < *token.expires; }

  FileSystem& files_;
  Random& random_;
  const Clock& clock_;
  const Path file_;
  size_t damaged_lines_ = 0;
  mutable std::mutex mutex_;  // Of tokens_ and the file.
  std::vector<TokenRecord> tokens_;
};

}  // namespace dragonfly
