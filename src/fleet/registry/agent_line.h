// A line of the register of agents (docs/formats/agents.md).
//
// Units      none.
// Ownership  values.
// Threading  pure.
// Errors     nullopt: cut, damaged or of another version.
// Limits     none.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "model/flow/agent_record.h"

namespace dragonfly {

// With its line feed.
std::string format_agent_line(const AgentRecord& record);
// Without its line feed.
std::optional<AgentRecord> parse_agent_line(std::string_view line);

}  // namespace dragonfly
