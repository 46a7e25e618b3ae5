// The file of what operators say of agents (docs/formats/agent_metadata.md).
//
// Units      none.
// Ownership  values.
// Threading  pure.
// Errors     kUnsupported: another heading. A line that is cut, damaged or none is left out and counted.
// Limits     kAgentNotesMax.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/core/result.h"
#include "base/core/time.h"
#include "model/flow/vm.h"

namespace dragonfly {

inline constexpr size_t kAgentNotesMax = 100'000;

// What no agent tells of itself.
struct AgentNote {
  bool enabled = true;
  std::string service_type = "mcis";  // A label of clients, like mcis or infra.
  std::string public_ip;              // Empty: not known.
  // Since when the agent is not listed, in its own clock; a row that is newer brings it back.
  std::optional<Timestamp> forgotten;
  bool operator==(const AgentNote&) const = default;
};

struct NotedAgent {
  VmIdentity vm;
  AgentNote note;
  bool operator==(const NotedAgent&) const = default;
};

struct AgentNotesFile {
  std::vector<NotedAgent> agents;
  size_t damaged_lines = 0;
};
Result<AgentNotesFile> parse_agent_notes(std::string_view text);
std::string format_agent_notes(const std::vector<NotedAgent>& agents);

}  // namespace dragonfly
