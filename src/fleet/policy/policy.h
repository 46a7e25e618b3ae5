// Policy: intervals, limits and retention that can be changed while the server runs (PUT /config); api.md section 4.
// One table gives each name, its alias, its key in the configuration, its range and its default.
//
// Units      durations in ns; in the API an interval is a number of seconds, a retention a text ("48h").
// Ownership  values.
// Threading  a Policy is a value; share it as shared_ptr<const Policy> or copy it.
// Errors     none: Config has checked every value.
// Limits     the ranges in the table.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/config/config.h"
#include "base/core/time.h"

namespace dragonfly {

struct Policy {
  Duration agent_interval = 2s;
  Duration collector_interval = 10s;
  Duration schedule_interval = 10s;
  Duration agent_ttl = 5s;  // As set; in force is effective_agent_ttl().
  Duration alert_interval = 10s;
  int64_t max_host_count = 10;
  std::string monitoring_policy = "agentCount";  // agentCount | csp | region
  std::string default_policy = "push";           // push | pull
  Duration puller_interval = 10s;
  Duration puller_aggregate_interval = 30s;
  std::string aggregate_type = "avg";  // min | max | avg | last
  Duration retention_raw = 48h;
  Duration retention_1m = 30 * 24h;
  Duration retention_1h = 400 * 24h;
  Duration retention_1d = 1825 * 24h;
  Duration late_window = 26h;  // As set; in force is effective_late_window().

  // `config` holds the keys of policy_config_keys().
  static Policy from(const Config& config);

  // How long a VM keeps its tag after its last frame: the larger of agent_ttl and 2.5 intervals of its agent.
  Duration effective_agent_ttl(Duration interval_of_agent) const;
  Duration effective_agent_ttl() const { return effective_agent_ttl(agent_interval); }
  // How late rows may be: never more than the raw rows are kept.
  Duration effective_late_window() const;
  // What is in force differently from what was set, one sentence each; for `warnings` of GET and PUT /config.
  std::vector<std::string> warnings() const;

  // Every name and alias with its value as GET /config answers it: numbers are whole where they can be.
  struct Entry {
    std::string_view name;
    std::variant<double, std::string> value;
  };
  std::vector<Entry> list() const;

  bool operator==(const Policy&) const = default;
};

// The server's policy, and those of the namespaces that differ from it; docs/policy.md tells what is in force where.
struct PolicySet {
  Policy server;
  std::map<std::string, Policy, std::less<>> namespaces;
  const Policy& of(std::string_view ns) const {
    const auto found = namespaces.find(ns);
    return found == namespaces.end() ? server : found->second;
  }
};

// The same table as keys of the configuration: monitoring.collector_interval, store.retention_raw, …
std::span<const ConfigKey> policy_config_keys();
// Whether a namespace may have a value of its own.
bool is_namespace_key(const ConfigKey& key);

}  // namespace dragonfly
