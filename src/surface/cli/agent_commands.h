// Commands of cbmon about keys of agents: newer ones, and agents that are none any more.
//
// Units      none.
// Ownership  borrows the client for the time of a call.
// Threading  one thread.
// Errors     exit codes as commands.h.
// Limits     those of HttpClient; a list of one page of the server.
#pragma once

#include "surface/cli/commands.h"
#include "surface/cli/finding.h"

namespace dragonfly {

// `revoked`: those, too.
int list_agent_keys(CliSession& session, const VmName& name, bool revoked);
// "rotate", "revoke", or "replace": the latter also makes a token by which one machine takes the VM's place. The agent is
// named by its VM (name.vm; the rest may be empty where there is only one), or by its id in name.vm.
int change_agent(CliSession& session, const std::string& what, const VmName& name);

}  // namespace dragonfly
