#include "agent_key.h"

#include <pwd.h>
#include <unistd.h>

#include "base/core/json_writer.h"
#include "base/rt/clock.h"
#include "fleet/access/audit_log.h"

namespace dragonfly {
namespace {

std::string user_name() {
  const passwd* const user = getpwuid(geteuid());
  return user != nullptr ? std::string(user->pw_name) : std::to_string(geteuid());
}

// Beside the changes that are made through the API.
Result<> note_keys(const Path& data, const std::vector<AgentKey>& keys) {
  auto log = AuditLog::open(system_files(), data);
  if (!log) return fail(std::move(log).error());
  AuditEntry entry{SystemClock().wall(), user_name(), "command line", "agent-key new", {}, {}};
  JsonWriter json(entry.after);
  json.begin_object().field("ns", std::string_view(keys.front().ns)).field("mcis", std::string_view(keys.front().mcis));
  json.field("keys", static_cast<uint64_t>(keys.size())).field("vm", std::string_view(keys.front().vm));
  if (keys.size() > 1) json.field("last_vm", std::string_view(keys.back().vm));
  json.end_object();
  return (*log)->add(entry);
}

}  // namespace

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
  if (const auto noted = note_keys(options.settings.data_dir, *keys); !noted) {
    fmt::print(stderr, "cb-dragonfly agent-key: the audit log has no line of this: {}\n", noted.error().message);
  }
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
