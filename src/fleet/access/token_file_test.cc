#include "fleet/access/token_file.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

namespace dragonfly {
namespace {

std::vector<TokenRecord> examples() {
  TokenRecord admin;
  admin.id = "00000000000000a1";
  admin.name = "first";
  admin.role = Role::kAdmin;
  admin.created = parse_rfc3339("2026-01-02T03:04:05Z").value();
  admin.digest.fill(0x11);
  TokenRecord viewer = admin;
  viewer.id = "00000000000000a2";
  viewer.name = "console of team ü";
  viewer.role = Role::kViewer;
  viewer.scope.namespaces = {"ns 1", "ns-2"};
  viewer.expires = parse_rfc3339("2027-01-02T03:04:05Z").value();
  return {admin, viewer};
}

TEST(TokenFile, GoldenBytes) {
  const std::string path = DF_SOURCE_DIR "/tests/compat/v1/tokens.txt";
  if (std::getenv("DF_UPDATE_GOLDEN") != nullptr)
    std::ofstream(path, std::ios::binary) << format_token_file(examples());
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  EXPECT_EQ(format_token_file(examples()), text.str());
  EXPECT_EQ(parse_token_file(text.str()).value().tokens, examples());
}

TEST(TokenFile, EveryChangedByteCostsOneToken) {
  const std::string good = format_token_file(examples());
  const size_t lines = good.find('\n') + 1;
  for (size_t i = lines; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 1);
    const TokenFile file = parse_token_file(bad).value();
    const size_t lost = bad[i] == '\n' || good[i] == '\n' ? 2 : 1;
    EXPECT_GE(file.tokens.size() + lost, 2u) << i;
    EXPECT_GE(file.damaged_lines, 1u) << i;
    for (const TokenRecord& token : file.tokens) EXPECT_TRUE(token == examples()[0] || token == examples()[1]) << i;
  }
}

TEST(TokenFile, OtherVersionsAreRefused) {
  EXPECT_EQ(parse_token_file("").error().code, ErrorCode::kUnsupported);
  EXPECT_EQ(parse_token_file("cb-dragonfly tokens 2\n").error().code, ErrorCode::kUnsupported);
  EXPECT_TRUE(parse_token_file("cb-dragonfly tokens 1\n").value().tokens.empty());
}

TEST(TokenFile, TextsOfTokens) {
  const std::string secret(64, 'a');
  EXPECT_EQ(token_id_of("cbd_0123456789abcdef_" + secret), "0123456789abcdef");
  for (const std::string text : {"", "cbd_", "cbd_0123456789abcde_a", "x"}) EXPECT_EQ(token_id_of(text), std::nullopt);
  EXPECT_EQ(token_id_of("cbd_0123456789abcdeF_" + secret), std::nullopt);
  EXPECT_EQ(token_id_of("cbd_0123456789abcdef-" + secret), std::nullopt);
  EXPECT_EQ(token_id_of("cbd_0123456789abcdef_" + secret + "a"), std::nullopt);
}

}  // namespace
}  // namespace dragonfly
