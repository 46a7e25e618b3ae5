#include "fleet/policy/policy.h"

#include <algorithm>

namespace dragonfly {
namespace {

using DurationMember = Duration Policy::*;
using NumberMember = int64_t Policy::*;
using TextMember = std::string Policy::*;

struct PolicyKey {
  ConfigKey config;
  std::variant<DurationMember, NumberMember, TextMember> member;
};

// What concerns agents, VMs and answers of one namespace; collectors and the store are everybody's.
constexpr std::string_view kNamespaceKeys[] = {"monitoring.agent_interval",  "monitoring.agent_TTL",
                                               "monitoring.alert_interval",  "monitoring.default_policy",
                                               "monitoring.puller_interval", "monitoring.puller_aggregate_interval",
                                               "monitoring.aggregate_type"};

constexpr int64_t kHourMs = 3'600'000;
constexpr int64_t kDayMs = 24 * kHourMs;
constexpr int64_t kRetentionMaxMs = 36'500 * kDayMs;

constexpr PolicyKey interval(std::string_view name, std::string_view alias, std::string_view default_text,
                             int64_t min_ms, std::string_view help, DurationMember member) {
  return {{name, alias, ConfigType::kSeconds, default_text, "s", min_ms, kHourMs, "", help}, member};
}

constexpr PolicyKey word(std::string_view name, std::string_view default_text, std::string_view words,
                         std::string_view help, TextMember member) {
  return {{name, "", ConfigType::kWord, default_text, "", 0, 0, words, help}, member};
}

constexpr PolicyKey kept(std::string_view name, std::string_view default_text, std::string_view unit,
                         std::string_view help, DurationMember member) {
  return {{name, "", ConfigType::kDuration, default_text, unit, 60'000, kRetentionMaxMs, "", help}, member};
}

// In the order in which GET /config answers; grouped by section for the configuration file.
constexpr PolicyKey kTable[] = {
    interval("monitoring.agent_interval", "monitoring.mcis_agent_interval", "2", 100, "How often an agent samples.",
             &Policy::agent_interval),
    interval("monitoring.collector_interval", "monitoring.mcis_collector_interval", "10", 1000,
             "How often a collector aggregates; also the span of the real-time window.", &Policy::collector_interval),
    interval("monitoring.schedule_interval", "", "10", 1000, "How often collectors are scaled.",
             &Policy::schedule_interval),
    interval("monitoring.agent_TTL", "", "5", 1000,
             "How long a VM keeps its collector after its last frame; at least 2.5 x agent_interval is in force.",
             &Policy::agent_ttl),
    interval("monitoring.alert_interval", "", "10", 1000, "How often an alert task is evaluated that does not say it.",
             &Policy::alert_interval),
    {{"monitoring.max_host_count", "", ConfigType::kInteger, "10", "", 1, 1'000'000, "", "VMs of one collector."},
     &Policy::max_host_count},
    word("monitoring.monitoring_policy", "agentCount", "agentCount|csp|region", "What collectors are divided by.",
         &Policy::monitoring_policy),
    word("monitoring.default_policy", "push", "push|pull", "Whether new agents push, or are asked.",
         &Policy::default_policy),
    interval("monitoring.puller_interval", "", "10", 1000, "How often an agent is asked that does not push.",
             &Policy::puller_interval),
    interval("monitoring.puller_aggregate_interval", "", "30", 1000, "How often asked agents' rows are aggregated.",
             &Policy::puller_aggregate_interval),
    word("monitoring.aggregate_type", "avg", "min|max|avg|last", "The statistic where a question names none.",
         &Policy::aggregate_type),
    kept("store.retention_raw", "48h", "h", "How long rows are kept as they came.", &Policy::retention_raw),
    kept("store.retention_1m", "30d", "d", "How long minutes are kept.", &Policy::retention_1m),
    kept("store.retention_1h", "400d", "d", "How long hours are kept.", &Policy::retention_1h),
    kept("store.retention_1d", "1825d", "d", "How long days are kept.", &Policy::retention_1d),
    kept("ingest.late_window", "26h", "h", "How old a row may be; never more than retention_raw is in force.",
         &Policy::late_window),
};

std::string_view last_part(std::string_view name) { return name.substr(name.rfind('.') + 1); }

}  // namespace

std::span<const ConfigKey> policy_config_keys() {
  static constexpr auto kKeys = [] {
    std::array<ConfigKey, std::size(kTable)> keys{};
    for (size_t i = 0; i < keys.size(); ++i) keys[i] = kTable[i].config;
    return keys;
  }();
  return kKeys;
}

bool is_namespace_key(const ConfigKey& key) {
  return std::ranges::find(kNamespaceKeys, key.name) != std::end(kNamespaceKeys);
}

Policy Policy::from(const Config& config) {
  Policy policy;
  for (const PolicyKey& key : kTable) {
    if (const auto* span = std::get_if<DurationMember>(&key.member)) policy.*(*span) = config.duration(key.config.name);
    if (const auto* number = std::get_if<NumberMember>(&key.member))
      policy.*(*number) = config.integer(key.config.name);
    if (const auto* text = std::get_if<TextMember>(&key.member)) policy.*(*text) = config.text(key.config.name);
  }
  return policy;
}

Duration Policy::effective_agent_ttl(Duration interval_of_agent) const {
  return std::max(agent_ttl, interval_of_agent * 5 / 2);
}

Duration Policy::effective_late_window() const { return std::min(late_window, retention_raw); }

std::vector<std::string> Policy::warnings() const {
  std::vector<std::string> out;
  if (effective_agent_ttl() != agent_ttl) {
    out.push_back(fmt::format("agent_TTL is {} but {} is in force: 2.5 times the agent_interval of {}",
                              format_duration(agent_ttl), format_duration(effective_agent_ttl()),
                              format_duration(agent_interval)));
  }
  if (effective_late_window() != late_window) {
    out.push_back(fmt::format("late_window is {} but {} is in force: raw rows are not kept longer",
                              format_in_unit(late_window, "h"), format_in_unit(retention_raw, "h")));
  }
  return out;
}

std::vector<Policy::Entry> Policy::list() const {
  std::vector<Entry> out;
  for (const PolicyKey& key : kTable) {
    std::variant<double, std::string> value;
    if (const auto* number = std::get_if<NumberMember>(&key.member)) value = static_cast<double>(this->*(*number));
    if (const auto* text = std::get_if<TextMember>(&key.member)) value = this->*(*text);
    if (const auto* span = std::get_if<DurationMember>(&key.member)) {
      if (key.config.type == ConfigType::kSeconds) {
        value = seconds(this->*(*span));
      } else {
        value = format_in_unit(this->*(*span), key.config.unit);
      }
    }
    out.push_back({last_part(key.config.name), value});
    if (!key.config.alias.empty()) out.push_back({last_part(key.config.alias), value});
  }
  return out;
}

}  // namespace dragonfly
