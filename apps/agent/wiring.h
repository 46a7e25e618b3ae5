// Wiring of cb-agent: reads keys, builds the agent, runs it.
//
// Units      none.
// Ownership  everything lives inside the call.
// Threading  the main thread.
// Errors     written to standard error; the exit code tells: 0 done, 1 the environment, 2 what was asked for is wrong.
// Limits     none.
#pragma once

#include <span>

namespace dragonfly {

int run_agent(std::span<const char* const> arguments);

}  // namespace dragonfly
