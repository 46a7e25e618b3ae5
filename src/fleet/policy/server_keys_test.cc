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
  EXPECT_EQ(names.size(), policy_config_keys().size() + 28);
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

// Files of CB-Dragonfly before 1.0 (tests/fixtures/config): what means something is in force, the rest is named with its
// line and what to write instead.
TEST(ServerKeys, FilesOfEarlierServersAreRead) {
  const auto f = [](const std::string& name, size_t warnings, const Policy& policy,
                    const std::vector<std::string>& some) {
    const std::string text = read((std::string(DF_SOURCE_DIR "/tests/fixtures/config/") + name).c_str());
    ASSERT_FALSE(text.empty()) << name;
    const auto config = Config::load(server_config_keys(), {name, text, {}, original_config_keys()});
    ASSERT_TRUE(config) << config.error().message;
    EXPECT_EQ(Policy::from(*config), policy) << name;
    EXPECT_EQ(config->warnings().size(), warnings) << testing::PrintToString(config->warnings());
    EXPECT_THAT(config->warnings(), Each(testing::HasSubstr("is of an earlier version and is ignored: ")));
    for (const std::string& warning : some)
      EXPECT_THAT(config->warnings(), Contains(testing::StartsWith(name + warning)));
  };
  Policy etcd;
  etcd.agent_interval = 3s;
  etcd.agent_ttl = 9s;
  etcd.collector_interval = 15s;
  etcd.schedule_interval = 20s;
  etcd.max_host_count = 50;
  f("etcd.yaml", 9, etcd,
    {":4: 'influxdb.endpoint_url'",
     ":13: 'collect_manager.collector_ip' is of an earlier version and is ignored: say server.advertise",
     ":14: 'collect_manager.collector_port' is of an earlier version and is ignored: say server.udp"});
  Policy kafka;
  kafka.agent_interval = 4s;
  kafka.collector_interval = 20s;
  kafka.max_host_count = 5;
  kafka.monitoring_policy = "csp";
  f("kafka_first.yaml", 13, kafka,
    {":23: 'collectManager.collector_port' is of an earlier version and is ignored: say server.udp",
     ":13: 'kafka' is of an earlier version and is ignored: agents send to server.udp"});
  kafka.default_policy = "pull";
  kafka.puller_interval = 20s;
  kafka.puller_aggregate_interval = 60s;
  kafka.aggregate_type = "max";
  f("kafka.yaml", 14, kafka,
    {":9: 'influxdb.rpDuration' is of an earlier version and is ignored: say store.retention_raw"});
  kafka.agent_interval = 6s;
  kafka.collector_interval = 30s;
  f("mcks.yaml", 15, kafka, {":24: 'agent' is of an earlier version and is ignored: clusters"});
  f("mck8s.yaml", 16, kafka, {":22: 'dragonfly.port' is of an earlier version and is ignored: say server.http"});
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
