#include "policy_parts.h"

#include "available_memory.h"

namespace dragonfly {

RetentionTimes retention_of(const Policy& policy) {
  return {policy.retention_raw, policy.retention_1m, policy.retention_1h, policy.retention_1d};
}

size_t head_memory(const ServerSettings& settings) {
  constexpr uint64_t kLeast = 64 << 20;
  if (settings.head_memory_bytes > 0) return static_cast<size_t>(settings.head_memory_bytes);
  return std::max(kLeast, available_memory() / 4);
}

AgentSettings settings_of(const Policy& policy) {
  AgentSettings settings{0, {{"agent_interval", format_duration(policy.agent_interval)}}};
  settings.version = settings_version(settings.values);
  return settings;
}

Shard::NamespaceSettings namespace_settings_of(const PolicySet& policies) {
  Shard::NamespaceSettings out;
  const AgentSettings usual = settings_of(policies.server);
  for (const auto& [ns, policy] : policies.namespaces) {
    AgentSettings settings = settings_of(policy);
    if (settings.version != usual.version) out.emplace(ns, std::move(settings));
  }
  return out;
}

}  // namespace dragonfly
