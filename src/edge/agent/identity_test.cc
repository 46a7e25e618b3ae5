#include "edge/agent/identity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace dragonfly {
namespace {

using testing::HasSubstr;

AgentKey key_of(const std::string& vm) { return {42, 1, Key256{9}, "prod", "web", vm}; }

TEST(Identity, PlainIdIsTheHashOfTheNames) {
  const Digest256 digest = sha256(as_bytes(std::string_view("default\0default\0vm-1", 20)));
  uint64_t expected = 0;
  std::memcpy(&expected, digest.data(), 8);
  EXPECT_EQ(plain_agent_id("default", "default", "vm-1"), expected);
  EXPECT_NE(plain_agent_id("a", "bc", "d"), plain_agent_id("ab", "c", "d"));
  const auto identity = make_identity({}, {}, "vm-1");
  ASSERT_TRUE(identity.has_value());
  EXPECT_EQ(identity->agent_id, expected);
  EXPECT_FALSE(identity->key.has_value());
}

TEST(Identity, TheKeyDecidesAndContradictionsNameBoth) {
  AgentOptions options;
  options.key_file = "k";
  const std::vector<AgentKey> one = {key_of("vm-1")};
  const auto identity = make_identity(options, one, "host");
  ASSERT_TRUE(identity.has_value());
  EXPECT_EQ(identity->vm, "vm-1");
  EXPECT_EQ(identity->ns, "prod");
  EXPECT_EQ(identity->agent_id, 42u);
  const auto f = [&](std::optional<std::string> AgentOptions::*member, std::string given, std::string_view has1,
                     std::string_view has2) {
    AgentOptions differing = options;
    differing.*member = std::move(given);
    const auto result = make_identity(differing, one, "host");
    ASSERT_FALSE(result.has_value());
    EXPECT_THAT(result.error().message, testing::AllOf(HasSubstr(has1), HasSubstr(has2)));
  };
  f(&AgentOptions::vm, "vm-2", "--vm is 'vm-2'", "'vm-1'");
  f(&AgentOptions::ns, "test", "--ns is 'test'", "'prod'");
  f(&AgentOptions::mcis, "db", "--mcis is 'db'", "'web'");
}

TEST(Identity, OneOfManyKeysByName) {
  AgentOptions options;
  options.key_file = "k";
  const std::vector<AgentKey> keys = {key_of("vm-1"), key_of("vm-2")};
  EXPECT_FALSE(make_identity(options, keys, "host").has_value());
  EXPECT_FALSE(make_identity(options, {}, "host").has_value());
  options.vm = "vm-2";
  ASSERT_TRUE(make_identity(options, keys, "host").has_value());
  EXPECT_EQ(make_identity(options, keys, "host")->vm, "vm-2");
  options.vm = "vm-3";
  EXPECT_FALSE(make_identity(options, keys, "host").has_value());
}

TEST(Identity, LabelsOfTheDictionary) {
  AgentOptions options;
  options.csp = "aws";
  options.interval = 500ms;
  const auto identity = make_identity(options, {}, "host-1");
  const auto dictionary = make_dictionary(options, *identity, {"host-1", "linux", "boot-1"});
  ASSERT_TRUE(dictionary.has_value());
  const std::map<std::string, std::string> expected = {{"cspType", "aws"},  {"hostId", "host-1"}, {"mcisId", "default"},
                                                       {"nsId", "default"}, {"osType", "linux"},  {"vmId", "host-1"}};
  EXPECT_EQ(dictionary->labels, expected);
  EXPECT_EQ(dictionary->interval_ms, 500u);
  EXPECT_EQ(dictionary->boot_id, "boot-1");
  options.ns = std::string(256, 'n');
  options.mcis = std::string(256, 'm');
  options.vm = std::string(256, 'v');
  const auto long_one = make_identity(options, {}, "host-1");
  ASSERT_TRUE(long_one.has_value());
  EXPECT_FALSE(make_dictionary(options, *long_one, {"host-1", "linux", "boot-1"}).has_value());
}

}  // namespace
}  // namespace dragonfly
