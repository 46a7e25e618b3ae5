#include "fleet/access/token_store.h"

#include <algorithm>

#include "base/core/names.h"

namespace dragonfly {
namespace {

constexpr uint64_t kFileBytesMax = 64u << 20;

// Takes the same time wherever the first difference is.
bool same(const Digest256& a, const Digest256& b) {
  uint8_t difference = 0;
  for (size_t i = 0; i < a.size(); ++i) difference = static_cast<uint8_t>(difference | (a[i] ^ b[i]));
  return difference == 0;
}

Result<> check(const NewToken& wanted) {
  DF_TRY(check_name("name", wanted.name));
  if (wanted.role == Role::kAdmin && !wanted.namespaces.empty()) {
    return fail(ErrorCode::kInvalidArgument, "'namespaces' is not for admins: they see all");
  }
  if (wanted.namespaces.size() > kTokenNamespacesMax) {
    return fail(ErrorCode::kInvalidArgument, "'namespaces' has {} items; allowed are {}", wanted.namespaces.size(),
                kTokenNamespacesMax);
  }
  for (const std::string& ns : wanted.namespaces) DF_TRY(check_name("namespaces", ns));
  if (wanted.lifetime && (*wanted.lifetime < 1s || *wanted.lifetime > kTokenLifetimeMax)) {
    return fail(ErrorCode::kInvalidArgument, "'expires' is {} from now; allowed are 1s to {}",
                format_duration(*wanted.lifetime), format_duration(kTokenLifetimeMax));
  }
  return {};
}

Timestamp whole_seconds(Timestamp time) { return std::chrono::floor<std::chrono::seconds>(time); }

}  // namespace

Result<std::unique_ptr<TokenStore>> TokenStore::open(FileSystem& files, Random& random, const Clock& clock,
                                                     const Path& data_directory) {
  const Path secrets = data_directory / "secrets";
  DF_TRY(files.make_directories(secrets));
  std::unique_ptr<TokenStore> store(new TokenStore(files, random, clock, secrets / "tokens"));
  const auto content = files.read_file(store->file_, kFileBytesMax);
  if (!content) {
    if (content.error().code == ErrorCode::kNotFound) return store;
    return fail(content.error());
  }
  auto parsed = parse_token_file(as_text(*content));
  if (!parsed) return fail(parsed.error().code, "{}: {}", store->file_.string(), parsed.error().message);
  store->tokens_ = std::move(parsed->tokens);
  store->damaged_lines_ = parsed->damaged_lines;
  return store;
}

Result<> TokenStore::save(const std::vector<TokenRecord>& tokens) {
  return files_.replace_file(file_, as_bytes(format_token_file(tokens)));
}

Result<TokenStore::Created> TokenStore::create(NewToken wanted) {
  DF_TRY(check(wanted));
  std::array<uint8_t, 8> id{};
  Key256 secret{};
  random_.fill(id);
  random_.fill(secret);
  Created out;
  TokenRecord& record = out.record;
  record.id = to_hex(id);
  record.name = std::move(wanted.name);
  record.role = wanted.role;
  record.scope.namespaces = std::move(wanted.namespaces);
  auto& namespaces = record.scope.namespaces;
  std::sort(namespaces.begin(), namespaces.end());
  namespaces.erase(std::unique(namespaces.begin(), namespaces.end()), namespaces.end());
  record.created = whole_seconds(clock_.wall());
  if (wanted.lifetime) record.expires = whole_seconds(clock_.wall() + *wanted.lifetime);
  out.text = fmt::format("cbd_{}_{}", record.id, to_hex(secret));
  wipe(secret);
  record.digest = sha256(as_bytes(out.text));
  const std::lock_guard lock(mutex_);
  std::vector<TokenRecord> next = tokens_;
  if (next.size() >= kTokensMax) {
    return fail(ErrorCode::kResourceExhausted, "there are {} tokens, which is the limit: revoke some", kTokensMax);
  }
  next.push_back(record);
  DF_TRY(save(next));
  tokens_ = std::move(next);
  return out;
}

Result<TokenRecord> TokenStore::revoke(std::string_view id) {
  const std::lock_guard lock(mutex_);
  std::vector<TokenRecord> next = tokens_;
  const auto found = std::find_if(next.begin(), next.end(), [&](const TokenRecord& token) { return token.id == id; });
  if (found == next.end()) return fail(ErrorCode::kNotFound, "token '{}' is not known", id.substr(0, 100));
  TokenRecord revoked = *found;
  next.erase(found);
  const auto rules = [&](const TokenRecord& token) { return token.role == Role::kAdmin && is_valid(token); };
  if (rules(revoked) && std::none_of(next.begin(), next.end(), rules)) {
    return fail(ErrorCode::kConflict, "token '{}' is the last admin's: make another one first", revoked.id);
  }
  DF_TRY(save(next));
  tokens_ = std::move(next);
  return revoked;
}

std::vector<TokenRecord> TokenStore::list() const {
  const std::lock_guard lock(mutex_);
  return tokens_;
}

bool TokenStore::is_empty() const {
  const std::lock_guard lock(mutex_);
  return tokens_.empty();
}

bool TokenStore::has(std::string_view id) const {
  const std::lock_guard lock(mutex_);
  return std::ranges::find(tokens_, id, &TokenRecord::id) != tokens_.end();
}

Result<Principal> TokenStore::authenticate(std::string_view text) const {
  const auto id = token_id_of(text);
  const Digest256 digest = sha256(as_bytes(text));
  const std::lock_guard lock(mutex_);
  for (const TokenRecord& token : tokens_) {
    if (!id || token.id != *id || !same(token.digest, digest)) continue;
    if (!is_valid(token)) {
      return fail(ErrorCode::kUnauthenticated, "the token '{}' has expired ({})", token.name,
                  format_rfc3339(*token.expires));
    }
    return Principal{token.name, token.id, token.role, token.scope};
  }
  return fail(ErrorCode::kUnauthenticated, "the token is not known, or was revoked");
}

}  // namespace dragonfly
