#include "fleet/policy/server_keys.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

#include "fleet/policy/policy.h"

namespace dragonfly {
namespace {

using testing::Contains;
using testing::Each;
using testing::ElementsAre;
using testing::EndsWith;

constexpr const char* kFile = DF_SOURCE_DIR "/conf/config.yaml";

std::string read(const char* path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

TEST(ServerKeys, DefaultsOfTableAndStructAreTheSame) {
  const auto config = Config::load(server_config_keys(), {});
  ASSERT_TRUE(config);
  EXPECT_EQ(ServerSettings::from(*config), ServerSettings{});
}

TEST(ServerKeys, EachKeyIsThereOnceAndExplained) {
  std::set<std::string_view> names;
  for (const ConfigKey& key : server_config_keys()) {
    EXPECT_TRUE(names.insert(key.name).second) << key.name;
    EXPECT_TRUE(key.help.ends_with('.')) << key.name;
  }
  EXPECT_EQ(names.size(), policy_config_keys().size() + 27);
}

TEST(ServerKeys, TheFileInConfHoldsEveryKeyWithItsDefault) {
  if (std::getenv("DF_UPDATE_GOLDEN") != nullptr) std::ofstream(kFile, std::ios::binary) << server_config_file();
  EXPECT_EQ(read(kFile), server_config_file()) << "DF_UPDATE_GOLDEN=1 writes it anew";
  const auto config = Config::load(server_config_keys(), {"conf/config.yaml", server_config_file(), {}});
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_TRUE(config->warnings().empty());
}

TEST(ServerKeys, TheFileWithoutCommentSignsIsTheDefaults) {
  std::string active;
  std::istringstream lines(server_config_file());
  for (std::string line; std::getline(lines, line);) {
    const bool is_key =
        line.starts_with("  # ") && line.find(": ") != std::string::npos && line[4] >= 'a' && line[4] <= 'z';
    active += (is_key ? "  " + line.substr(4) : line) + "\n";
  }
  const auto config = Config::load(server_config_keys(), {"conf/config.yaml", active, {}});
  ASSERT_TRUE(config) << config.error().message << active;
  EXPECT_EQ(ServerSettings::from(*config), ServerSettings{});
  EXPECT_EQ(Policy::from(*config), Policy{});
  for (const ConfigKey& key : server_config_keys())
    EXPECT_EQ(config->source(key.name), Config::Source::kFile) << key.name;
}

TEST(ServerKeys, AnOlderServersFileIsReadWithWarnings) {
  const auto config =
      Config::load(server_config_keys(), {"old.yaml",
                                          "influxdb:\n  endpoint_url: http://localhost\n  database: cbmon\n"
                                          "kapacitor:\n  endpoint_url: http://localhost\n"
                                          "collectManager:\n  collector_ip:\n  collector_group_count: 1\n"
                                          "dragonfly:\n  dragonfly_ip: localhost\n  port: 9090\n"
                                          "monitoring:\n  mcis_agent_interval: 4\n  agent_TTL: 12\n"
                                          "  mck8s_agent_interval: 2\n  deploy_type: compose\n"
                                          "  monitoring_policy: agentCount\n  max_host_count: 5\n",
                                          {}});
  ASSERT_TRUE(config) << config.error().message;
  const Policy policy = Policy::from(*config);
  EXPECT_EQ(policy.agent_interval, 4s);
  EXPECT_EQ(policy.agent_ttl, 12s);
  EXPECT_EQ(policy.max_host_count, 5);
  EXPECT_EQ(config->warnings().size(), 6u);
  EXPECT_THAT(config->warnings(), Each(EndsWith("is not a key of this version and is ignored")));
  EXPECT_THAT(config->warnings(),
              Contains("old.yaml: 'monitoring.deploy_type' is not a key of this version and is ignored"));
}

TEST(ServerKeys, TheOtherSettings) {
  const auto config = Config::load(
      server_config_keys(),
      {"",
       "",
       {"server.http=[::]:0", "server.udp=0.0.0.0:1", "server.data_dir=/d", "server.advertise=a:1", "ingest.shards=4",
        "ingest.allow_plaintext=true", "ingest.telegraf=false", "ingest.receive_buffer=64M", "store.merge_after=10s",
        "api.cors_origins=a,b", "api.allowed_hosts=h", "log.level=debug", "limits.vms=5",
        "limits.series_per_namespace=6", "limits.measurements_per_namespace=7"}});
  ASSERT_TRUE(config) << config.error().message;
  const ServerSettings s = ServerSettings::from(*config);
  EXPECT_EQ(s.http, "[::]:0");
  EXPECT_EQ(s.udp, "0.0.0.0:1");
  EXPECT_EQ(s.data_dir, "/d");
  EXPECT_EQ(s.advertise, "a:1");
  EXPECT_EQ(s.shards, 4);
  EXPECT_TRUE(s.allow_plaintext);
  EXPECT_FALSE(s.telegraf);
  EXPECT_EQ(s.receive_buffer_bytes, 64 << 20);
  EXPECT_EQ(s.merge_after, 10s);
  EXPECT_THAT(s.cors_origins, ElementsAre("a", "b"));
  EXPECT_THAT(s.allowed_hosts, ElementsAre("h"));
  EXPECT_EQ(s.log_level, "debug");
  EXPECT_EQ(s.vms_max, 5);
  EXPECT_EQ(s.series_per_namespace_max, 6);
  EXPECT_EQ(s.measurements_per_namespace_max, 7);
}

}  // namespace
}  // namespace dragonfly
