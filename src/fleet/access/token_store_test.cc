#include "fleet/access/token_store.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace dragonfly {
namespace {

class TokenStoreTest : public testing::Test {
 protected:
  ~TokenStoreTest() override { std::filesystem::remove_all(folder_); }
  std::unique_ptr<TokenStore> open() { return TokenStore::open(system_files(), random_, clock_, folder_).value(); }
  std::string file() {
    return std::string(as_text(system_files().read_file(folder_ / "secrets" / "tokens", 1 << 20).value()));
  }
  const Path folder_ = std::filesystem::temp_directory_path() / ("dragonfly-tokens-" + std::to_string(::getpid()));
  SystemRandom random_;
  ManualClock clock_{parse_rfc3339("2026-03-01T12:00:00Z").value()};
};

TEST_F(TokenStoreTest, TokensOutliveTheServer) {
  auto store = open();
  EXPECT_TRUE(store->is_empty());
  const auto admin = store->create({"first", Role::kAdmin, {}, {}}).value();
  const auto viewer = store->create({"page", Role::kViewer, {"b", "a", "b"}, {}}).value();
  store = open();
  const Principal known = store->authenticate(admin.text).value();
  EXPECT_EQ(known.name, "first");
  EXPECT_EQ(known.role, Role::kAdmin);
  EXPECT_EQ(known.token_id, admin.record.id);
  EXPECT_TRUE(known.scope.is_all());
  EXPECT_EQ(store->authenticate(viewer.text).value().scope, (Scope{{"a", "b"}}));
  EXPECT_EQ(store->list().size(), 2u);
}

TEST_F(TokenStoreTest, OnlyHashesAreKept) {
  const auto token = open()->create({"first", Role::kAdmin, {}, {}}).value();
  EXPECT_EQ(file().find(token.text.substr(21)), std::string::npos);
  EXPECT_NE(file().find(to_hex(sha256(as_bytes(token.text)))), std::string::npos);
  struct stat info {};
  ASSERT_EQ(stat((folder_ / "secrets" / "tokens").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST_F(TokenStoreTest, WhatIsNotExactlyATokenIsRefused) {
  auto store = open();
  const std::string text = store->create({"first", Role::kAdmin, {}, {}}).value().text;
  const auto f = [&](std::string other) { return store->authenticate(other).has_value(); };
  EXPECT_TRUE(f(text));
  for (size_t i = 0; i < text.size(); ++i) {
    std::string other = text;
    other[i] = other[i] == 'a' ? 'b' : 'a';
    EXPECT_FALSE(f(other)) << i;
    EXPECT_FALSE(f(text.substr(0, i)));
  }
  EXPECT_FALSE(f(text + "0"));
  EXPECT_EQ(store->authenticate("x").error().code, ErrorCode::kUnauthenticated);
}

TEST_F(TokenStoreTest, TheyExpire) {
  auto store = open();
  const std::string text = store->create({"short", Role::kViewer, {}, 90s}).value().text;
  clock_.advance(89s);
  EXPECT_TRUE(store->authenticate(text));
  clock_.advance(1s);
  const auto refused = store->authenticate(text);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("expired"), std::string::npos);
}

TEST_F(TokenStoreTest, RevokedIsGoneButTheLastAdminStays) {
  auto store = open();
  const auto admin = store->create({"one", Role::kAdmin, {}, {}}).value();
  const auto brief = store->create({"brief", Role::kAdmin, {}, 10s}).value();
  EXPECT_EQ(store->revoke("0000000000000000").error().code, ErrorCode::kNotFound);
  clock_.advance(11s);  // An expired one does not count.
  EXPECT_EQ(store->revoke(admin.record.id).error().code, ErrorCode::kConflict);
  EXPECT_EQ(store->revoke(brief.record.id).value().name, "brief");
  const auto other = store->create({"two", Role::kAdmin, {}, {}}).value();
  EXPECT_TRUE(store->revoke(admin.record.id));
  EXPECT_FALSE(store->authenticate(admin.text));
  EXPECT_FALSE(open()->authenticate(admin.text));
  EXPECT_TRUE(store->authenticate(other.text));
}

TEST_F(TokenStoreTest, WhatMayNotBeMade) {
  auto store = open();
  const auto f = [&](NewToken wanted) {
    const auto made = store->create(std::move(wanted));
    return made ? std::string("made") : made.error().message;
  };
  EXPECT_NE(f({"", Role::kViewer, {}, {}}).find("name"), std::string::npos);
  EXPECT_NE(f({"a\tb", Role::kViewer, {}, {}}).find("name"), std::string::npos);
  EXPECT_NE(f({"a", Role::kAdmin, {"ns"}, {}}).find("'namespaces' is not for admins"), std::string::npos);
  EXPECT_NE(f({"a", Role::kViewer, {""}, {}}).find("namespaces"), std::string::npos);
  EXPECT_NE(f({"a", Role::kViewer, {}, 0s}).find("'expires'"), std::string::npos);
  EXPECT_NE(f({"a", Role::kViewer, {}, 4000 * 24h}).find("'expires'"), std::string::npos);
  EXPECT_NE(f({"a", Role::kViewer, std::vector<std::string>(101, "n"), {}}).find("101"), std::string::npos);
  EXPECT_TRUE(store->is_empty());
}

TEST_F(TokenStoreTest, ADamagedLineCostsItsToken) {
  auto store = open();
  const auto one = store->create({"one", Role::kAdmin, {}, {}}).value();
  const auto two = store->create({"two", Role::kAdmin, {}, {}}).value();
  std::string text = file();
  text[text.find("one")] = 'O';
  ASSERT_TRUE(system_files().replace_file(folder_ / "secrets" / "tokens", as_bytes(text)));
  store = open();
  EXPECT_EQ(store->damaged_lines(), 1u);
  EXPECT_FALSE(store->authenticate(one.text));
  EXPECT_TRUE(store->authenticate(two.text));
}

}  // namespace
}  // namespace dragonfly
