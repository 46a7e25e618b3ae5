#include "fleet/policy/policy.h"

#include <gmock/gmock.h>

#include "fleet/policy/server_keys.h"

namespace dragonfly {
namespace {

using testing::ElementsAre;

Result<Config> load(std::vector<std::string> sets, std::string_view file = {}) {
  return Config::load(server_config_keys(), {"config.yaml", file, std::move(sets)});
}

Policy policy(std::vector<std::string> sets) {
  auto config = load(std::move(sets));
  EXPECT_TRUE(config) << config.error().message;
  return Policy::from(*config);
}

std::string shown(const Policy& policy) {
  std::string out;
  for (const auto& [name, value] : policy.list()) {
    out += fmt::format("{}={} ", name,
                       std::holds_alternative<double>(value) ? fmt::format("{}", std::get<double>(value))
                                                             : std::get<std::string>(value));
  }
  return out;
}

TEST(Policy, DefaultsOfTableAndStructAreTheSame) { EXPECT_EQ(policy({}), Policy{}); }

TEST(Policy, ListsEveryNameAsTheApiAnswersIt) {
  EXPECT_EQ(shown(Policy{}),
            "agent_interval=2 mcis_agent_interval=2 collector_interval=10 mcis_collector_interval=10 "
            "schedule_interval=10 agent_TTL=5 alert_interval=10 max_host_count=10 monitoring_policy=agentCount "
            "default_policy=push puller_interval=10 puller_aggregate_interval=30 aggregate_type=avg "
            "retention_raw=48h retention_1m=30d retention_1h=400d retention_1d=1825d late_window=26h ");
}

TEST(Policy, EachKeySetsItsOwnMember) {
  const auto f = [](const std::string& set, auto member, auto expected) {
    Policy changed;
    changed.*member = expected;
    EXPECT_EQ(policy({set}), changed) << set;
  };
  f("monitoring.agent_interval=0.5", &Policy::agent_interval, Duration(500ms));
  f("monitoring.mcis_agent_interval=3", &Policy::agent_interval, Duration(3s));
  f("monitoring.collector_interval=4", &Policy::collector_interval, Duration(4s));
  f("monitoring.schedule_interval=20", &Policy::schedule_interval, Duration(20s));
  f("monitoring.agent_TTL=60", &Policy::agent_ttl, Duration(60s));
  f("monitoring.alert_interval=1", &Policy::alert_interval, Duration(1s));
  f("monitoring.max_host_count=100", &Policy::max_host_count, int64_t{100});
  f("monitoring.monitoring_policy=csp", &Policy::monitoring_policy, std::string("csp"));
  f("monitoring.default_policy=pull", &Policy::default_policy, std::string("pull"));
  f("monitoring.puller_interval=11", &Policy::puller_interval, Duration(11s));
  f("monitoring.puller_aggregate_interval=31", &Policy::puller_aggregate_interval, Duration(31s));
  f("monitoring.aggregate_type=max", &Policy::aggregate_type, std::string("max"));
  f("store.retention_raw=96h", &Policy::retention_raw, Duration(96h));
  f("store.retention_1m=31d", &Policy::retention_1m, Duration(31 * 24h));
  f("store.retention_1h=401d", &Policy::retention_1h, Duration(401 * 24h));
  f("store.retention_1d=10d", &Policy::retention_1d, Duration(240h));
  f("ingest.late_window=80h", &Policy::late_window, Duration(80h));
}

TEST(Policy, RangesEnd) {
  const auto f = [](const std::string& key, const std::string& in, const std::string& out) {
    EXPECT_TRUE(load({key + "=" + in})) << key << " " << in;
    EXPECT_FALSE(load({key + "=" + out})) << key << " " << out;
  };
  f("monitoring.agent_interval", "0.1", "0.099");
  f("monitoring.collector_interval", "1", "0.999");
  f("monitoring.collector_interval", "3600", "3601");
  f("monitoring.max_host_count", "1", "0");
  f("monitoring.max_host_count", "1000000", "1000001");
  f("monitoring.monitoring_policy", "region", "zone");
  f("store.retention_raw", "1m", "59s");
  f("store.retention_1d", "36500d", "36501d");
}

TEST(Policy, TtlInForceIsTheLargerOne) {
  const auto f = [](std::vector<std::string> sets, Duration ttl, std::vector<std::string> warnings) {
    const Policy p = policy(std::move(sets));
    EXPECT_EQ(p.effective_agent_ttl(), ttl);
    EXPECT_EQ(p.warnings(), warnings);
  };
  f({}, 5s, {});
  f({"monitoring.agent_interval=10"}, 25s,
    {"agent_TTL is 5s but 25s is in force: 2.5 times the agent_interval of 10s"});
  f({"monitoring.agent_interval=10", "monitoring.agent_TTL=30"}, 30s, {});
  EXPECT_EQ(Policy{}.effective_agent_ttl(1s), 5s);
  EXPECT_EQ(Policy{}.effective_agent_ttl(15s), 37500ms);
}

TEST(Policy, LateWindowEndsWithTheRawRows) {
  EXPECT_EQ(Policy{}.effective_late_window(), 26h);
  const Policy p = policy({"store.retention_raw=24h"});
  EXPECT_EQ(p.effective_late_window(), 24h);
  EXPECT_THAT(p.warnings(), ElementsAre("late_window is 26h but 24h is in force: raw rows are not kept longer"));
}

}  // namespace
}  // namespace dragonfly
