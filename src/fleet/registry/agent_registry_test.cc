#include "fleet/registry/agent_registry.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "model/frame/frame.h"

namespace dragonfly {
namespace {

class AgentRegistryTest : public testing::Test {
 protected:
  AgentRegistryTest() {
    char name[] = "/tmp/df_registry_XXXXXX";
    directory_ = mkdtemp(name);
  }
  ~AgentRegistryTest() override { std::filesystem::remove_all(directory_); }
  AgentRegistry open() { return std::move(*AgentRegistry::open(system_files(), random_, directory_)); }

  Path directory_;
  SystemRandom random_;
};

TEST_F(AgentRegistryTest, AnotherProcessSeesWhatWasCreated) {
  AgentRegistry server = open();
  EXPECT_TRUE(server.poll()->empty());
  AgentRegistry tool = open();
  const auto keys = tool.create({{"ns", "m", "vm-1"}, {"ns", "m", "가상"}});
  ASSERT_TRUE(keys.has_value()) << keys.error().message;
  const auto seen = server.poll();
  ASSERT_EQ(seen->size(), 2u);
  EXPECT_EQ((*seen)[1].vm, (VmIdentity{"ns", "m", "가상"}));
  EXPECT_EQ((*seen)[1].agent_id, (*keys)[1].agent_id);
  EXPECT_EQ(derive_agent_key(server.master_key(), (*seen)[0].agent_id, (*seen)[0].epoch), (*keys)[0].key);
  EXPECT_TRUE(server.poll()->empty());
}

TEST_F(AgentRegistryTest, SkipsDamagedLinesAndKeepsTheRest) {
  AgentRegistry tool = open();
  ASSERT_TRUE(tool.create({{"ns", "m", "a"}}).has_value());
  std::ofstream(directory_ / "registry/agents", std::ios::app) << "agent-1\t00\tcut";
  ASSERT_TRUE(tool.create({{"ns", "m", "b"}}).has_value());
  AgentRegistry server = open();
  const auto seen = server.poll();
  ASSERT_EQ(seen->size(), 2u);
  EXPECT_EQ((*seen)[1].vm.vm, "b");
  EXPECT_EQ(server.damaged_lines(), 1u);
}

TEST_F(AgentRegistryTest, CheckNamesWhatIsDamagedAndMakesNothing) {
  EXPECT_TRUE(AgentRegistry::check(system_files(), directory_).damage.empty());
  EXPECT_FALSE(std::filesystem::exists(directory_ / "secrets"));
  AgentRegistry tool = open();
  ASSERT_TRUE(tool.create({{"ns", "m", "a"}, {"ns", "m", "b"}}).has_value());
  EXPECT_EQ(AgentRegistry::check(system_files(), directory_).agents, 2u);
  EXPECT_TRUE(AgentRegistry::check(system_files(), directory_).damage.empty());
  std::fstream(directory_ / "registry/agents", std::ios::in | std::ios::out).seekp(12).put('x');
  const auto damaged = AgentRegistry::check(system_files(), directory_);
  EXPECT_EQ(damaged.agents, 1u);
  ASSERT_EQ(damaged.damage.size(), 1u);
  EXPECT_EQ(damaged.damage[0], "registry/agents: line 2 is damaged");
  std::ofstream(directory_ / "secrets/fleet.key") << "no key";
  EXPECT_EQ(AgentRegistry::check(system_files(), directory_).damage.size(), 2u);
}

TEST_F(AgentRegistryTest, FilesAreForTheOwnerOnly) {
  AgentRegistry tool = open();
  ASSERT_TRUE(tool.create({{"ns", "m", "a"}}).has_value());
  for (const char* name : {"secrets/fleet.key", "registry/agents"}) {
    struct stat info {};
    ASSERT_EQ(stat((directory_ / name).c_str(), &info), 0) << name;
    EXPECT_EQ(info.st_mode & 0777, 0600u) << name;
  }
}

TEST_F(AgentRegistryTest, RefusesNamesThatWouldBreakTheFile) {
  AgentRegistry tool = open();
  const auto keys = tool.create({{"ns", "m", "a\tb"}});
  ASSERT_FALSE(keys.has_value());
  EXPECT_NE(keys.error().message.find("--vm"), std::string::npos);
}

}  // namespace
}  // namespace dragonfly
