// The ways in which cb-dragonfly runs: as a server, beside a command, or to merge a directory.
//
// Units      none.
// Ownership  everything lives inside the call.
// Threading  the main thread; returns after SIGTERM or SIGINT, when everything that was accepted is durable.
// Errors     written to standard error; exit code 1.
// Limits     none.
#pragma once

#include <functional>

#include "options.h"

namespace dragonfly {
int run_server(const ServerOptions& options);
// Starts a server on free ports of this machine, calls `work` with its URL, stops the server and returns what `work` did.
int run_beside_server(const ServerOptions& options, const std::function<int(const std::string& url)>& work);
// Seals all rows, merges all hours and removes the log, while no server has the directory.
int run_merge(const ServerOptions& options);
}  // namespace dragonfly
