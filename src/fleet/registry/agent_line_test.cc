#include "fleet/registry/agent_line.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <vector>

namespace dragonfly {
namespace {

// Of the first version: such lines are still written where an agent did not enrol by itself.
const std::vector<AgentRecord>& examples() {
  static const std::vector<AgentRecord> records = {
      {0xa1, 1, false, {"default", "local", "vm-1"}},
      {0xfedcba9876543210, 255, true, {"ns 1", "mcis-ü", "vm=2 'x'"}},
  };
  return records;
}

const std::vector<AgentRecord>& enrolled_examples() {
  static const std::vector<AgentRecord> records = {
      {0xa1, 2, false, {"default", "local", "vm-1"}, 1, "0123456789abcdef", "", "00112233445566ff"},
      {0xa2, 1, true, {"ns 1", "mcis-ü", "vm=2 'x'"}, 0, "", "fedcba9876543210", ""},
      {0xa3, 9, false, {"n", "m", "v"}, 8, "", "", ""},
  };
  return records;
}

std::string text_of(const std::vector<AgentRecord>& records) {
  std::string out;
  for (const AgentRecord& record : records) out += format_agent_line(record);
  return out;
}

void check_golden(const std::string& path, const std::vector<AgentRecord>& examples) {
  if (std::getenv("DF_UPDATE_GOLDEN") != nullptr) std::ofstream(path, std::ios::binary) << text_of(examples);
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  EXPECT_EQ(text_of(examples), text.str());
  size_t at = 0;
  for (std::string line; std::getline(text, line); ++at) {
    const auto record = parse_agent_line(line);
    ASSERT_TRUE(record.has_value()) << line;
    EXPECT_EQ(record->agent_id, examples.at(at).agent_id);
    EXPECT_EQ(record->epoch, examples.at(at).epoch);
    EXPECT_EQ(record->revoked, examples.at(at).revoked);
    EXPECT_EQ(record->vm, examples.at(at).vm);
    EXPECT_EQ(record->older_epoch, examples.at(at).older_epoch);
    EXPECT_EQ(record->machine, examples.at(at).machine);
    EXPECT_EQ(record->firmware, examples.at(at).firmware);
    EXPECT_EQ(record->instance, examples.at(at).instance);
  }
  EXPECT_EQ(at, examples.size());
}

TEST(AgentLine, GoldenBytes) {
  check_golden(DF_SOURCE_DIR "/tests/compat/v1/agents.txt", examples());
  check_golden(DF_SOURCE_DIR "/tests/compat/v2/agents.txt", enrolled_examples());
}

TEST(AgentLine, WhatIsCutOrChangedIsNone) {
  for (const AgentRecord& record : {examples()[1], enrolled_examples()[0]}) {
    std::string line = format_agent_line(record);
    line.pop_back();
    for (size_t i = 0; i < line.size(); ++i) {
      EXPECT_FALSE(parse_agent_line(line.substr(0, i)).has_value()) << i;
      std::string bad = line;
      bad[i] = static_cast<char>(bad[i] ^ 1);
      EXPECT_FALSE(parse_agent_line(bad).has_value()) << i;
    }
  }
}

}  // namespace
}  // namespace dragonfly
