// `cb-dragonfly agent-key new`: enrols agents and writes their key file. Returns the exit code.
#pragma once

#include "options.h"

namespace dragonfly {
int make_agent_keys(const ServerOptions& options);
}  // namespace dragonfly
