// Commands of cbmon that show what the server knows: its health, versions of the policy, MCISs, agents.
//
// Units      none.
// Ownership  borrows the client for the time of a call.
// Threading  one thread.
// Errors     exit codes as commands.h.
// Limits     those of HttpClient; lists of one page of the server.
#pragma once

#include "surface/cli/commands.h"

namespace dragonfly {

int show_health(CliSession& session);
int show_config_history(CliSession& session);
int roll_back_config(CliSession& session, const std::string& version);
int list_mcis(CliSession& session);
int list_agents(CliSession& session);

}  // namespace dragonfly
