#include "fleet/policy/policy_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

namespace dragonfly {
namespace {

using testing::HasSubstr;

class PolicyStoreTest : public testing::Test {
 protected:
  PolicyStoreTest() {
    char name[] = "/tmp/df_policy_XXXXXX";
    folder_ = mkdtemp(name);
    configured_.max_host_count = 20;  // As if the configuration said so.
  }
  ~PolicyStoreTest() override { std::filesystem::remove_all(folder_); }
  Path path() const { return folder_ / "policy"; }
  std::unique_ptr<PolicyStore> open() {
    auto store = PolicyStore::open(system_files(), path(), configured_);
    EXPECT_TRUE(store.has_value()) << store.error().message;
    return store ? std::move(*store) : nullptr;
  }
  Path folder_;
  Policy configured_;
};

TEST_F(PolicyStoreTest, AChangeTouchesOnlyWhatItNamesAndOutlivesTheServer) {
  auto store = open();
  EXPECT_EQ(store->current(), configured_);
  EXPECT_EQ(store->version(), 0u);
  const auto outcome = store->change({{"collector_interval", "4"}, {"retention_raw", "96h"}});
  ASSERT_TRUE(outcome.has_value()) << outcome.error().message;
  EXPECT_EQ(outcome->before, configured_);
  EXPECT_EQ(outcome->after.collector_interval, 4s);
  EXPECT_EQ(outcome->after.retention_raw, 96h);
  EXPECT_EQ(outcome->after.max_host_count, 20);
  ASSERT_TRUE(store->change({{"monitoring_policy", "CSP"}}).has_value());
  EXPECT_EQ(store->version(), 2u);

  configured_.max_host_count = 30;  // What was not changed follows the configuration.
  store = open();
  EXPECT_EQ(store->current().collector_interval, 4s);
  EXPECT_EQ(store->current().monitoring_policy, "csp");
  EXPECT_EQ(store->current().max_host_count, 30);
  EXPECT_EQ(store->version(), 2u);
  ASSERT_TRUE(store->reset().has_value());
  EXPECT_EQ(store->current(), configured_);
  EXPECT_EQ(open()->version(), 3u);
}

TEST_F(PolicyStoreTest, AWrongChangeChangesNothing) {
  auto store = open();
  const auto f = [&](const PolicyStore::Changes& changes, std::string_view want) {
    const auto outcome = store->change(changes);
    ASSERT_FALSE(outcome.has_value()) << want;
    EXPECT_EQ(outcome.error().code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(outcome.error().message, HasSubstr(want));
    EXPECT_THAT(outcome.error().message, testing::Not(HasSubstr("--set")));
    EXPECT_EQ(store->current(), configured_);
    EXPECT_FALSE(std::filesystem::exists(path()));
  };
  f({{"max_host_count", "5"}, {"collector_interval", "0"}}, "collector_interval = '0' is not allowed");
  f({{"max_host_count", "many"}}, "max_host_count");
  f({{"max_host_count", ""}}, "max_host_count");
  f({{"host_count", "5"}}, "'host_count' is not a key of the policy");
  f({{"monitoring_policy", "zone"}}, "agentCount");
  f({{"agent_interval", "2"}, {"mcis_agent_interval", "3"}}, "agent_interval is given twice");
  f({{"aggregate_type", "avg\nmax_host_count=1"}}, "line break");
}

TEST_F(PolicyStoreTest, NamesOfTheOriginalAreTakenWithAWarning) {
  auto store = open();
  const auto outcome = store->change({{"mck8s_agent_interval", "3"}, {"mcis_collector_interval", "7"}});
  ASSERT_TRUE(outcome.has_value());
  EXPECT_THAT(outcome->warnings, testing::ElementsAre(HasSubstr("mck8s_agent_interval")));
  EXPECT_EQ(store->current().collector_interval, 7s);
}

TEST_F(PolicyStoreTest, ADamagedFileIsToldAndTheHistoryTakesItsPlace) {
  ASSERT_TRUE(open()->change({{"max_host_count", "5"}}).has_value());
  ASSERT_TRUE(open()->change({{"max_host_count", "6"}}).has_value());
  std::stringstream good;
  good << std::ifstream(path()).rdbuf();
  const auto f = [&](const std::string& text, std::string_view want) {
    std::ofstream(path(), std::ios::trunc) << text;
    const auto store = open();
    EXPECT_EQ(store->current().max_host_count, 6) << text;
    EXPECT_EQ(store->version(), 2u) << text;
    ASSERT_EQ(store->damage().size(), 1u) << text;
    EXPECT_THAT(store->damage()[0], testing::AllOf(HasSubstr(path().string()), HasSubstr(want), HasSubstr("history")));
  };
  f("", "version is missing");
  f("nonsense\n", "'='");
  f("version=x\n", "version");
  f("version=9\nmax_host_count=0\n", "max_host_count");
  f(std::string(kPolicyFileBytesMax + 1, '#'), path().string());
  for (size_t at = 0; at < good.str().size(); ++at) {
    std::string flipped = good.str();
    flipped[at] = static_cast<char>(flipped[at] ^ 1);
    f(flipped, "");
    if (at + 1 < good.str().size()) f(good.str().substr(0, at), "");
  }
  // A change writes it anew; without the history, what the configuration says is in force.
  ASSERT_TRUE(open()->change({{"max_host_count", "7"}}).has_value());
  EXPECT_TRUE(open()->damage().empty());
  EXPECT_EQ(open()->version(), 3u);
  std::filesystem::remove(path().string() + ".history");
  std::ofstream(path(), std::ios::trunc) << "nonsense\n";
  EXPECT_EQ(open()->current(), configured_);
  EXPECT_THAT(open()->damage()[0], HasSubstr("configuration"));
  std::ofstream(path(), std::ios::trunc) << "# text\n\nversion=7\nof_tomorrow=1\nmax_host_count=3";
  EXPECT_EQ(open()->current().max_host_count, 3);
}

TEST_F(PolicyStoreTest, AChangeThatCannotBeKeptIsNotInForce) {
  auto store = open();
  std::filesystem::remove_all(folder_);
  EXPECT_FALSE(store->change({{"max_host_count", "5"}}).has_value());
  EXPECT_EQ(store->current(), configured_);
  EXPECT_EQ(store->version(), 0u);
}

TEST_F(PolicyStoreTest, EveryVersionCanComeBack) {
  auto store = open();
  const auto numbers = [&] {
    std::string out;
    for (const auto& version : store->history()) out += fmt::format("{} by {} ", version.number, version.author.who);
    return out;
  };
  EXPECT_EQ(numbers(), "");
  ASSERT_TRUE(store->change({{"max_host_count", "5"}}, {"boss\tx", from_unix_ms(1000)}));
  ASSERT_TRUE(store->change({{"max_host_count", "6"}, {"collector_interval", "4"}}));
  ASSERT_TRUE(store->change({{"max_host_count", "6"}}));  // No change, no version.
  ASSERT_TRUE(store->reset({"admin", from_unix_ms(3000)}));
  EXPECT_EQ(numbers(), "3 by admin 2 by  1 by boss\tx ");
  store = open();
  EXPECT_EQ(numbers(), "3 by admin 2 by - 1 by boss x ");
  EXPECT_EQ(store->history().back().author.time, from_unix_ms(1000));
  EXPECT_EQ(store->history()[1].changed.at("collector_interval"), "4");
  ASSERT_TRUE(store->roll_back(2, {"boss", {}}));
  EXPECT_EQ(store->version(), 4u);
  EXPECT_EQ(store->current().max_host_count, 6);
  EXPECT_EQ(store->current().collector_interval, 4s);
  ASSERT_TRUE(store->roll_back(1));
  EXPECT_EQ(store->current().max_host_count, 5);
  EXPECT_EQ(store->current().collector_interval, configured_.collector_interval);
  ASSERT_TRUE(store->roll_back(0));
  EXPECT_EQ(store->current(), configured_);
  EXPECT_THAT(store->roll_back(9).error().message, HasSubstr("version 9 is not in the history, which has 1 to 6"));
  for (int i = 0; i < 120; ++i) ASSERT_TRUE(store->change({{"max_host_count", std::to_string(100 + i)}}));
  EXPECT_EQ(store->history().size(), kPolicyHistoryMax);
  EXPECT_EQ(store->history().front().number, store->version());
}

// A version that was written down but never came into force, and lines that are damaged.
TEST_F(PolicyStoreTest, TheHistoryHoldsWhatWasInForce) {
  auto store = open();
  ASSERT_TRUE(store->change({{"max_host_count", "5"}}));
  std::ofstream(path().string() + ".history", std::ios::app)
      << format_policy_history({{2, {"-", {}}, {{"max_host_count", "6"}}}}) << "x\ty\n\n";
  store = open();
  ASSERT_EQ(store->history().size(), 1u);
  EXPECT_EQ(store->history().front().number, 1u);
}

TEST_F(PolicyStoreTest, ANamespaceHasValuesOfItsOwn) {
  auto store = open();
  ASSERT_TRUE(store->change({{"agent_interval", "4"}}).has_value());
  const auto outcome = store->change({{"mcis_agent_interval", "1"}, {"aggregate_type", "max"}}, {"ann", {}}, "a=b@c%");
  ASSERT_TRUE(outcome.has_value()) << outcome.error().message;
  EXPECT_EQ(outcome->before.agent_interval, 4s) << "the server's, until then";
  EXPECT_EQ(outcome->after.agent_interval, 1s);
  for (int start = 0; start < 2; ++start, store = open()) {
    EXPECT_EQ(store->current().agent_interval, 4s);
    EXPECT_EQ(store->current().aggregate_type, "avg");
    EXPECT_EQ(store->all()->of("a=b@c%").agent_interval, 1s);
    EXPECT_EQ(store->all()->of("a=b@c%").aggregate_type, "max");
    EXPECT_EQ(store->all()->of("other").agent_interval, 4s);
    EXPECT_THAT(store->own_keys("a=b@c%"), testing::ElementsAre("agent_interval", "aggregate_type"));
    EXPECT_THAT(store->own_keys("other"), testing::IsEmpty());
  }
  ASSERT_TRUE(store->change({{"agent_TTL", "30"}}).has_value());
  EXPECT_EQ(store->all()->of("a=b@c%").agent_ttl, 30s) << "what it does not name follows the server";
}

TEST_F(PolicyStoreTest, NamespacesAreResetAndRolledBackLikeTheRest) {
  auto store = open();
  ASSERT_TRUE(store->change({{"agent_interval", "1"}}, {}, "a").has_value());  // 1
  ASSERT_TRUE(store->change({{"agent_interval", "3"}}, {}, "b").has_value());  // 2
  ASSERT_TRUE(store->change({{"agent_interval", "5"}}).has_value());           // 3
  ASSERT_TRUE(store->reset({}, "a").has_value());                              // 4
  EXPECT_EQ(store->all()->of("a").agent_interval, 5s);
  EXPECT_EQ(store->all()->of("b").agent_interval, 3s);
  ASSERT_TRUE(store->reset().has_value());  // 5
  EXPECT_EQ(store->current(), configured_);
  EXPECT_EQ(store->all()->of("b").agent_interval, 3s) << "namespaces keep theirs";
  const auto back = store->roll_back(2);  // 6
  ASSERT_TRUE(back.has_value());
  EXPECT_EQ(back->before, back->after) << "of the server nothing changes";
  EXPECT_NE(back->changes_before, back->changes_after);
  EXPECT_EQ(store->all()->of("a").agent_interval, 1s);
  EXPECT_EQ(store->history().front().changed,
            (std::map<std::string, std::string, std::less<>>{{"agent_interval@a", "1"}, {"agent_interval@b", "3"}}));
  ASSERT_TRUE(store->roll_back(0).has_value());
  EXPECT_EQ(store->all()->of("b"), configured_);
}

TEST_F(PolicyStoreTest, WhatIsEverybodysANamespaceCannotHave) {
  auto store = open();
  size_t own = 0;
  for (const ConfigKey& key : policy_config_keys()) {
    const auto outcome = store->change({{std::string(last_part(key.name)), std::string(key.default_text)}}, {}, "n");
    EXPECT_EQ(outcome.has_value(), is_namespace_key(key)) << key.name;
    own += is_namespace_key(key) ? 1 : 0;
    if (!outcome) {
      EXPECT_THAT(outcome.error().message, HasSubstr("a namespace may have agent_interval, agent_TTL"));
    }
  }
  EXPECT_EQ(own, 7u);
  const auto wrong = store->change({{"agent_interval", "0"}}, {}, "n");
  ASSERT_FALSE(wrong);
  EXPECT_THAT(wrong.error().message, HasSubstr("agent_interval = '0' is not allowed"));
}

TEST_F(PolicyStoreTest, MoreThanTheFileHoldsIsRefused) {
  auto store = open();
  int taken = 0;
  Error error;
  for (; taken < 1000; ++taken) {
    const auto outcome = store->change({{"agent_interval", "3"}}, {}, std::string(250, 'n') + std::to_string(taken));
    if (!outcome) error = outcome.error();
    if (!outcome) break;
  }
  EXPECT_EQ(error.code, ErrorCode::kResourceExhausted);
  EXPECT_GT(taken, 200);
  EXPECT_EQ(open()->all()->namespaces.size(), static_cast<size_t>(taken)) << "what was taken can be read";
}

// docs/policy.md tells of every key whether a namespace may have it.
TEST(PolicyDocument, HasEveryKey) {
  std::ifstream in(DF_SOURCE_DIR "/docs/policy.md");
  std::map<std::string, bool> told;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("| `"))
      told[line.substr(3, line.find('`', 3) - 3)] = line.find("| yes |") != std::string::npos;
  }
  std::map<std::string, bool> keys;
  for (const ConfigKey& key : policy_config_keys()) keys[std::string(last_part(key.name))] = is_namespace_key(key);
  EXPECT_EQ(told, keys);
}

}  // namespace
}  // namespace dragonfly
