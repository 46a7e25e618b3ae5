#include "fleet/policy/policy_file.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

namespace dragonfly {
namespace {

PolicyFile example() { return {7, {{"agent_interval", "2"}, {"monitoring_policy", "csp"}, {"retention_raw", "96h"}}}; }

TEST(PolicyFile, ReadsVersion1) {
  std::ifstream in(DF_SOURCE_DIR "/tests/compat/v1/policy.txt", std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  EXPECT_EQ(parse_policy_file(text.str()).value(), example());
}

TEST(PolicyFile, GoldenBytes) {
  const std::string path = DF_SOURCE_DIR "/tests/compat/v2/policy.txt";
  if (std::getenv("DF_UPDATE_GOLDEN") != nullptr)
    std::ofstream(path, std::ios::binary) << format_policy_file(example());
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  EXPECT_EQ(format_policy_file(example()), text.str());
  EXPECT_EQ(parse_policy_file(text.str()).value(), example());
}

TEST(PolicyFile, AliasesStandForTheirKeysAndTheLastLineCounts) {
  const auto file = parse_policy_file(
      "version=7\nmcis_agent_interval=9\nagent_interval=2\n\n# text\nof_tomorrow=1\n"
      "monitoring_policy=csp\nretention_raw=96h");
  EXPECT_EQ(file.value(), example());
}

}  // namespace
}  // namespace dragonfly
