#include "fleet/registry/agent_notes.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace dragonfly {
namespace {

std::vector<NotedAgent> examples() {
  return {{{"ns-1", "mcis 1", "vm-ü"}, {false, "mcis", "192.0.2.7", std::nullopt}},
          {{"ns-1", "mcis 1", "vm-2"}, {true, "gpu nodes", "", parse_rfc3339("2026-01-02T03:04:05.678Z").value()}}};
}

TEST(AgentNotesFile, GoldenBytes) {
  const std::string path = DF_SOURCE_DIR "/tests/compat/v1/agent_metadata.txt";
  if (std::getenv("DF_UPDATE_GOLDEN") != nullptr)
    std::ofstream(path, std::ios::binary) << format_agent_notes(examples());
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  EXPECT_EQ(format_agent_notes(examples()), text.str());
  EXPECT_EQ(parse_agent_notes(text.str()).value().agents, examples());
}

TEST(AgentNotesFile, EveryChangedByteCostsOneAgent) {
  const std::string good = format_agent_notes(examples());
  for (size_t i = good.find('\n') + 1; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 1);
    const AgentNotesFile file = parse_agent_notes(bad).value();
    const size_t lost = bad[i] == '\n' || good[i] == '\n' ? 2 : 1;
    EXPECT_GE(file.agents.size() + lost, 2u) << i;
    EXPECT_GE(file.damaged_lines, 1u) << i;
    for (const NotedAgent& agent : file.agents) EXPECT_TRUE(agent == examples()[0] || agent == examples()[1]) << i;
  }
}

TEST(AgentNotesFile, OtherVersionsAreRefused) {
  EXPECT_EQ(parse_agent_notes("").error().code, ErrorCode::kUnsupported);
  EXPECT_EQ(parse_agent_notes("cb-dragonfly agent metadata 2\n").error().code, ErrorCode::kUnsupported);
  EXPECT_TRUE(parse_agent_notes("cb-dragonfly agent metadata 1\n").value().agents.empty());
}

class AgentNotesTest : public testing::Test {
 protected:
  AgentNotesTest() {
    char name[] = "/tmp/df_notes_XXXXXX";
    folder_ = mkdtemp(name);
  }
  ~AgentNotesTest() override { std::filesystem::remove_all(folder_); }
  std::unique_ptr<AgentNotes> open() { return AgentNotes::open(system_files(), folder_).value(); }
  Path folder_;
};

TEST_F(AgentNotesTest, OutliveTheServer) {
  const VmIdentity vm = examples()[0].vm;
  {
    const auto notes = open();
    EXPECT_EQ(notes->of(vm), AgentNote{});
    EXPECT_TRUE(notes->set(vm, examples()[0].note));
    EXPECT_TRUE(notes->set(examples()[1].vm, examples()[1].note));
  }
  const auto notes = open();
  EXPECT_EQ(notes->of(vm), examples()[0].note);
  EXPECT_EQ(notes->of(examples()[1].vm), examples()[1].note);
  EXPECT_EQ(notes->of({"ns-2", vm.mcis, vm.vm}), AgentNote{});
  EXPECT_TRUE(notes->set(vm, {}));  // What is usual takes no room.
  EXPECT_EQ(notes->size(), 1u);
  EXPECT_EQ(open()->of(vm), AgentNote{});
}

TEST_F(AgentNotesTest, AChangeThatCannotBeWrittenIsNone) {
  const auto notes = open();
  std::filesystem::remove_all(folder_);
  EXPECT_FALSE(notes->set(examples()[0].vm, examples()[0].note));
  EXPECT_EQ(notes->of(examples()[0].vm), AgentNote{});
}

}  // namespace
}  // namespace dragonfly
