#include "fleet/registry/agent_line.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <vector>

namespace dragonfly {
namespace {

const std::vector<AgentRecord>& examples() {
  static const std::vector<AgentRecord> records = {
      {0xa1, 1, false, {"default", "local", "vm-1"}},
      {0xfedcba9876543210, 255, true, {"ns 1", "mcis-ü", "vm=2 'x'"}},
  };
  return records;
}

std::string text_of_examples() {
  std::string out;
  for (const AgentRecord& record : examples()) out += format_agent_line(record);
  return out;
}

TEST(AgentLine, GoldenBytes) {
  const std::string path = DF_SOURCE_DIR "/tests/compat/v1/agents.txt";
  if (std::getenv("DF_UPDATE_GOLDEN") != nullptr) std::ofstream(path, std::ios::binary) << text_of_examples();
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  EXPECT_EQ(text_of_examples(), text.str());
  size_t at = 0;
  for (std::string line; std::getline(text, line); ++at) {
    const auto record = parse_agent_line(line);
    ASSERT_TRUE(record.has_value()) << line;
    EXPECT_EQ(record->agent_id, examples().at(at).agent_id);
    EXPECT_EQ(record->epoch, examples().at(at).epoch);
    EXPECT_EQ(record->revoked, examples().at(at).revoked);
    EXPECT_EQ(record->vm, examples().at(at).vm);
  }
  EXPECT_EQ(at, examples().size());
}

TEST(AgentLine, WhatIsCutOrChangedIsNone) {
  std::string line = format_agent_line(examples()[1]);
  line.pop_back();
  for (size_t i = 0; i < line.size(); ++i) {
    EXPECT_FALSE(parse_agent_line(line.substr(0, i)).has_value()) << i;
    std::string bad = line;
    bad[i] = static_cast<char>(bad[i] ^ 1);
    EXPECT_FALSE(parse_agent_line(bad).has_value()) << i;
  }
}

}  // namespace
}  // namespace dragonfly
