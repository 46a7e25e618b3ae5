// Wiring of cb-dragonfly: the one place where the stages meet. Builds everything top to bottom, stops in reverse.
//
// Units      none.
// Ownership  everything lives inside the call.
// Threading  the main thread; returns after SIGTERM or SIGINT, when everything that was accepted is durable.
// Errors     written to standard error; exit code 1.
// Limits     none.
#pragma once

#include "options.h"

namespace dragonfly {
int run_server(const ServerOptions& options);
// Seals all rows, merges all hours and removes the log, while no server has the directory.
int run_merge(const ServerOptions& options);
}  // namespace dragonfly
