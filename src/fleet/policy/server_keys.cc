#include "fleet/policy/server_keys.h"

#include <algorithm>

#include "fleet/policy/policy.h"

namespace dragonfly {
namespace {

constexpr ConfigKey kServerKeys[] = {
    {"server.http", "", ConfigType::kEndpoint, "127.0.0.1:9090", "", 0, 0, "",
     "Where the API and the page listen; port 0 takes a free one."},
    {"server.udp", "", ConfigType::kEndpoint, "127.0.0.1:8094", "", 0, 0, "",
     "Where agents' datagrams arrive; port 0 takes a free one."},
    {"server.data_dir", "", ConfigType::kText, "./data", "", 0, 0, "", "Directory of everything that is kept."},
    {"server.backup_dir", "", ConfigType::kText, "", "", 0, 0, "",
     "Where backups that are asked for by the API are made; empty: data_dir/backups."},
    {"server.package_dir", "", ConfigType::kText, "/usr/share/cb-dragonfly/packages", "", 0, 0, "",
     "Where the agent's packages lie that /dragonfly/file answers with."},
    {"server.advertise", "", ConfigType::kText, "", "", 0, 0, "",
     "ADDR:PORT that agents are told; empty: the one by which the server reaches them."},
    {"ingest.shards", "", ConfigType::kInteger, "0", "threads", 0, 256, "", "Receiving threads; 0: one for each CPU."},
    {"ingest.allow_plaintext", "", ConfigType::kBool, "false", "", 0, 0, "",
     "Take datagrams without a seal from other machines, too."},
    {"ingest.telegraf", "", ConfigType::kBool, "true", "", 0, 0, "", "Take telegraf's JSON on the agents' port."},
    {"ingest.receive_buffer", "", ConfigType::kBytes, "4M", "bytes", 0, 1 << 30, "",
     "Socket buffer of each receiving thread, as far as the kernel allows; 0: the kernel's default."},
    {"store.merge_after", "", ConfigType::kDuration, "5m", "m", 1000, 24 * 3600 * 1000, "",
     "How long an hour is over before its rows are merged; those that come late within it are merged with them."},
    {"api.cors_origins", "", ConfigType::kList, "", "", 0, 0, "",
     "Origins of pages elsewhere that may write, like https://console.example."},
    {"api.allowed_hosts", "", ConfigType::kList, "", "", 0, 0, "",
     "Host names under which the server may be asked besides loopback."},
    {"api.legacy_listen", "", ConfigType::kText, "", "", 0, 0, "",
     "ADDR:PORT where clients of earlier releases, which know neither TLS nor tokens, are answered; empty: nowhere."},
    {"api.legacy_networks", "", ConfigType::kList, "", "", 0, 0, "",
     "Who may ask at api.legacy_listen: addresses and ranges like 10.0.0.0/8."},
    {"api.access", "", ConfigType::kWord, "auto", "", 0, 0, "auto|on",
     "Whether callers need a token; auto: wherever server.http is not a loopback address."},
    {"api.requests_per_second", "", ConfigType::kInteger, "1000", "requests", 1, 1'000'000, "",
     "Requests of one token, or of one address where none is given, in a second; for twice as many at once."},
    {"tls.mode", "", ConfigType::kWord, "auto", "", 0, 0, "auto|on|off",
     "Whether the API is under TLS; auto: wherever server.http is not a loopback address."},
    {"tls.certificate", "", ConfigType::kText, "", "", 0, 0, "",
     "PEM file with the server's certificate and those above it; empty: one of its own, under data_dir/tls/ca.crt."},
    {"tls.authority", "", ConfigType::kText, "", "", 0, 0, "",
     "PEM file with who vouches for tls.certificate, which agents are told; empty: the last one of tls.certificate."},
    {"tls.key", "", ConfigType::kText, "", "", 0, 0, "", "PEM file with the certificate's key, without a password."},
    {"tls.names", "", ConfigType::kList, "", "", 0, 0, "",
     "Names and addresses for its own certificate beside the machine's."},
    {"log.level", "", ConfigType::kWord, "info", "", 0, 0, "debug|info|warning|error",
     "The least serious message that is written."},
    {"limits.vms", "", ConfigType::kInteger, "1000000", "VMs", 1, 10'000'000, "", "VMs in all namespaces."},
    {"limits.series_per_namespace", "", ConfigType::kInteger, "100000", "series", 1, 100'000'000, "",
     "Series of custom measurements in one namespace."},
    {"limits.measurements_per_namespace", "", ConfigType::kInteger, "10000", "measurements", 1, 1'000'000, "",
     "Custom measurements of one namespace."},
    {"limits.log_queue", "", ConfigType::kBytes, "64M", "bytes", 1 << 20, int64_t{1} << 40, "",
     "Rows on their way to the log; beyond it they are not acknowledged and come again."},
    {"limits.head_memory", "", ConfigType::kBytes, "0", "bytes", 0, int64_t{1} << 44, "",
     "Rows in memory that the store does not have yet, beyond which the same holds; 0: a quarter of the memory that "
     "there "
     "is, at least 64M."},
};

constexpr std::string_view kNoDatabase = "this server keeps its data itself; leave it out";
constexpr std::string_view kNoKubernetes = "clusters are not monitored; leave it out";
constexpr std::string_view kSayHttp = "say server.http, ADDR:PORT";
constexpr std::string_view kSayUdp = "say server.udp, ADDR:PORT";
constexpr std::string_view kSayAdvertise =
    "say server.advertise, ADDR:PORT, where agents cannot reach server.udp as it stands";
constexpr std::string_view kByHostCount = "collectors are started as monitoring.max_host_count demands; leave it out";
constexpr std::string_view kNoDeployment = "the server is the same everywhere; leave it out";

constexpr RetiredKey kOriginalKeys[] = {
    {"influxdb", kNoDatabase},
    {"influxdb.rpDuration", "say store.retention_raw, retention_1m, retention_1h and retention_1d"},
    {"etcd", kNoDatabase},
    {"kafka", "agents send to server.udp; leave it out"},
    {"kapacitor", "alarms are evaluated here; leave it out"},
    {"collect_manager.collector_ip", kSayAdvertise},
    {"collect_manager.collector_port", kSayUdp},
    {"collect_manager.collector_count", kByHostCount},
    {"collectManager.collector_ip", kSayAdvertise},
    {"collectManager.collector_port", kSayUdp},
    {"collectManager.collector_count", kByHostCount},
    {"collectManager.collector_group_count", kByHostCount},
    {"api_server.port", kSayHttp},
    {"apiServer.port", kSayHttp},
    {"grpcServer", "there is the HTTP API alone; leave it out"},
    {"dragonfly.dragonfly_ip", kSayAdvertise},
    {"dragonfly.port", kSayHttp},
    {"dragonfly.helm_port", kNoDeployment},
    {"dragonfly.helm_namespace", kNoDeployment},
    {"agent", kNoKubernetes},
    {"monitoring.mck8s_agent_interval", kNoKubernetes},
    {"monitoring.mck8s_collector_interval", kNoKubernetes},
    {"monitoring.deploy_type", kNoDeployment},
};

std::string_view section_of(const ConfigKey& key) { return key.name.substr(0, key.name.find('.')); }

}  // namespace

std::span<const ConfigKey> server_config_keys() {
  // Sections in the order server, monitoring, ingest, store, api, tls, log, limits; a section's keys together.
  static const std::vector<ConfigKey> kKeys = [] {
    std::vector<ConfigKey> keys;
    for (const std::string_view section : {"server", "monitoring", "ingest", "store", "api", "tls", "log", "limits"}) {
      const auto of_section = [&](const ConfigKey& key) { return section_of(key) == section; };
      std::copy_if(std::begin(kServerKeys), std::end(kServerKeys), std::back_inserter(keys), of_section);
      std::copy_if(policy_config_keys().begin(), policy_config_keys().end(), std::back_inserter(keys), of_section);
    }
    return keys;
  }();
  return kKeys;
}

std::span<const RetiredKey> original_config_keys() { return kOriginalKeys; }

ServerSettings ServerSettings::from(const Config& config) {
  ServerSettings settings;
  settings.http = config.text("server.http");
  settings.udp = config.text("server.udp");
  settings.data_dir = config.text("server.data_dir");
  settings.backup_dir = config.text("server.backup_dir");
  settings.package_dir = config.text("server.package_dir");
  settings.advertise = config.text("server.advertise");
  settings.shards = config.integer("ingest.shards");
  settings.allow_plaintext = config.flag("ingest.allow_plaintext");
  settings.telegraf = config.flag("ingest.telegraf");
  settings.receive_buffer_bytes = config.integer("ingest.receive_buffer");
  settings.merge_after = config.duration("store.merge_after");
  settings.cors_origins = config.list("api.cors_origins");
  settings.allowed_hosts = config.list("api.allowed_hosts");
  settings.legacy_listen = config.text("api.legacy_listen");
  settings.legacy_networks = config.list("api.legacy_networks");
  settings.access = config.text("api.access");
  settings.requests_per_second = config.integer("api.requests_per_second");
  settings.tls_mode = config.text("tls.mode");
  settings.tls_certificate = config.text("tls.certificate");
  settings.tls_authority = config.text("tls.authority");
  settings.tls_key = config.text("tls.key");
  settings.tls_names = config.list("tls.names");
  settings.log_level = config.text("log.level");
  settings.vms_max = config.integer("limits.vms");
  settings.series_per_namespace_max = config.integer("limits.series_per_namespace");
  settings.measurements_per_namespace_max = config.integer("limits.measurements_per_namespace");
  settings.log_queue_bytes = config.integer("limits.log_queue");
  settings.head_memory_bytes = config.integer("limits.head_memory");
  return settings;
}

std::string server_config_file() {
  return config_file_template(
      server_config_keys(),
      "Configuration of cb-dragonfly: every key with its default. To change one, remove its\n"
      "comment sign. The command line comes after this file: --set monitoring.collector_interval=4");
}

}  // namespace dragonfly
