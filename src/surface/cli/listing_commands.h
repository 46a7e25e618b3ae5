// Commands of cbmon that show what the server knows: its health, versions of the policy, MCISs, agents.
//
// Units      none.
// Ownership  borrows the client for the time of a call.
// Threading  one thread.
// Errors     exit codes as commands.h.
// Limits     those of HttpClient; lists of one page of the server.
#pragma once

#include "surface/cli/commands.h"
#include "surface/cli/finding.h"

namespace dragonfly {

int show_health(CliSession& session);
int show_config_history(CliSession& session);
int roll_back_config(CliSession& session, const std::string& version);
int list_mcis(CliSession& session);
// One MCIS with its VMs; `name.vm` is not looked at.
int get_mcis(CliSession& session, const VmName& name);
int list_agents(CliSession& session);
int get_agent(CliSession& session, const VmName& name);
// KEY=VALUE each: what operators may say of an agent.
int set_agent(CliSession& session, const VmName& name, const std::vector<std::string>& changes);
int forget_agent(CliSession& session, const VmName& name);

}  // namespace dragonfly
