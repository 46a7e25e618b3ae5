#include "fleet/policy/policy_history.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

namespace dragonfly {
namespace {

std::vector<PolicyVersion> examples() {
  return {
      {1, {"boss", parse_rfc3339("2026-01-02T03:04:05Z").value()}, {{"max_host_count", "5"}}},
      {2, {"-", parse_rfc3339("2026-01-02T03:04:06Z").value()}, {{"collector_interval", "4"}, {"max_host_count", "6"}}},
      {3, {"ü=x", parse_rfc3339("2026-01-02T03:04:07Z").value()}, {}}};
}

TEST(PolicyHistory, GoldenBytes) {
  const std::string path = DF_SOURCE_DIR "/tests/compat/v1/policy_history.txt";
  if (std::getenv("DF_UPDATE_GOLDEN") != nullptr)
    std::ofstream(path, std::ios::binary) << format_policy_history(examples());
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  EXPECT_EQ(format_policy_history(examples()), text.str());
  EXPECT_EQ(parse_policy_history(text.str()), examples());
}

TEST(PolicyHistory, ADamagedLineCostsItself) {
  const std::string text = format_policy_history(examples());
  for (size_t i = 0; i < text.size(); ++i) {
    std::string bad = text;
    bad[i] = static_cast<char>(bad[i] ^ 1);
    const auto versions = parse_policy_history(bad);
    const bool joins_two_lines = text[i] == '\n' && i + 1 < text.size();
    EXPECT_EQ(versions.size(), joins_two_lines ? 1u : 2u) << i;
    for (const PolicyVersion& version : versions) EXPECT_EQ(version, examples().at(version.number - 1)) << i;
  }
}

TEST(PolicyHistory, TheNewestVersionsAreKept) {
  std::vector<PolicyVersion> many;
  for (uint64_t number = 1; number <= kPolicyHistoryMax + 1; ++number) many.push_back({number, {"-", {}}, {}});
  const auto got = parse_policy_history(format_policy_history(many));
  ASSERT_EQ(got.size(), kPolicyHistoryMax);
  EXPECT_EQ(got.front().number, 2u);
}

}  // namespace
}  // namespace dragonfly
