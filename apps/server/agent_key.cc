#include "agent_key.h"

namespace dragonfly {

int make_agent_keys(const ServerOptions& options) {
  const auto refuse = [](const Error& error) {
    fmt::print(stderr, "cb-dragonfly agent-key: {}\n", error.message);
    return 1;
  };
  SystemRandom random;
  auto registry = AgentRegistry::open(system_files(), random, options.settings.data_dir);
  if (!registry) return refuse(registry.error());
  auto keys = registry->create(options.agent_key->vms);
  if (!keys) return refuse(keys.error());
  std::string text;
  for (const AgentKey& key : *keys) text += format_agent_key(key);
  if (options.agent_key->out.empty()) {
    fmt::print("{}", text);
  } else if (auto written = system_files().replace_file(options.agent_key->out, as_bytes(text)); !written) {
    return refuse(written.error());
  }
  return 0;
}

}  // namespace dragonfly
