#include "fleet/registry/agent_token_file.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "base/rt/random.h"

namespace dragonfly {
namespace {

std::vector<AgentTokenRecord> examples() {
  AgentTokenRecord one{"00000000000000a1", "rack 7 ü", "ns 1", "web"};
  one.created = parse_rfc3339("2026-01-02T03:04:05Z").value();
  one.expires = parse_rfc3339("2026-01-02T04:04:05Z").value();
  one.uses_max = 5;
  one.uses = 3;
  one.digest.fill(0x11);
  AgentTokenRecord other = one;
  other.id = "00000000000000a2";
  other.name.clear();
  other.uses_max = 0;
  other.digest.fill(0x22);
  return {one, other};
}

TEST(AgentTokenFile, GoldenBytes) {
  const std::string path = DF_SOURCE_DIR "/tests/compat/v1/agent_tokens.txt";
  if (std::getenv("DF_UPDATE_GOLDEN") != nullptr)
    std::ofstream(path, std::ios::binary) << format_agent_token_file(examples());
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  EXPECT_EQ(format_agent_token_file(examples()), text.str());
  const auto file = parse_agent_token_file(text.str());
  ASSERT_TRUE(file.has_value());
  EXPECT_EQ(file->tokens, examples());
  EXPECT_EQ(file->damaged_lines, 0u);
}

TEST(AgentTokenFile, AnotherVersionIsRefused) {
  EXPECT_EQ(parse_agent_token_file("").error().code, ErrorCode::kUnsupported);
  EXPECT_EQ(parse_agent_token_file("cb-dragonfly agent tokens 2\n").error().code, ErrorCode::kUnsupported);
  EXPECT_TRUE(parse_agent_token_file("cb-dragonfly agent tokens 1\n")->tokens.empty());
}

TEST(AgentTokenFile, ADamagedLineCostsItsToken) {
  const std::string whole = format_agent_token_file(examples());
  const size_t first = whole.find('\n') + 1;
  SeededRandom random(5);
  for (int i = 0; i < 2000; ++i) {
    std::string text = whole;
    const size_t at = first + random.below(text.size() - first - 1);
    text[at] = static_cast<char>(text[at] ^ (1 + random.below(255)));
    const auto file = parse_agent_token_file(text);
    ASSERT_TRUE(file.has_value());
    EXPECT_GE(file->damaged_lines, 1u) << text;
    EXPECT_LE(file->tokens.size(), 1u);
  }
}

}  // namespace
}  // namespace dragonfly
