// The server's own configuration, fixed from start to end of the process; the rest is policy (fleet/policy/policy.h).
//
// Units      bytes; counts.
// Ownership  values; the tables are constants.
// Threading  values.
// Errors     none: Config has checked every value.
// Limits     the ranges in the table.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/config/config.h"
#include "base/core/time.h"

namespace dragonfly {

struct ServerSettings {
  std::string http = "127.0.0.1:9090";
  std::string udp = "127.0.0.1:8094";
  std::string data_dir = "./data";
  std::string backup_dir;                                        // Empty: "backups" in the data directory.
  std::string package_dir = "/usr/share/cb-dragonfly/packages";  // Empty: none are served.
  std::string advertise;                                         // Empty: the address by which agents reach the server.
  int64_t shards = 0;                                            // 0 = one for each CPU.
  bool allow_plaintext = false;
  bool telegraf = true;
  int64_t receive_buffer_bytes = 4 << 20;  // 0 = the kernel's default.
  Duration merge_after = std::chrono::minutes(5);
  std::vector<std::string> cors_origins;
  std::vector<std::string> allowed_hosts;
  std::string legacy_listen;  // Empty: nowhere.
  std::vector<std::string> legacy_networks;
  std::string access = "auto";  // auto | on
  int64_t requests_per_second = 1000;
  bool insecure = false;          // On the command line only.
  std::string tls_mode = "auto";  // auto | on | off
  std::string tls_certificate;    // Files; empty: one of our own.
  std::string tls_key;
  std::string tls_authority;
  std::vector<std::string> tls_names;
  std::string log_level = "info";  // debug | info | warning | error
  int64_t vms_max = 1'000'000;
  int64_t series_per_namespace_max = 100'000;
  int64_t measurements_per_namespace_max = 10'000;
  int64_t log_queue_bytes = 64 << 20;
  int64_t head_memory_bytes = 0;  // 0 = by the machine's memory.

  // `config` holds the keys of server_config_keys().
  static ServerSettings from(const Config& config);
  bool operator==(const ServerSettings&) const = default;
};

// All keys that cb-dragonfly takes: the server's own and the policy's, section by section. conf/config.yaml is
// config_file_template() of it.
std::span<const ConfigKey> server_config_keys();
std::string server_config_file();
// Keys of CB-Dragonfly before 1.0 that are read over, with what to write instead.
std::span<const RetiredKey> original_config_keys();

}  // namespace dragonfly
