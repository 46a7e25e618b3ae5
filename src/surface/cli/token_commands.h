// Commands of cbmon about tokens, and what was done with them.
//
// Units      none.
// Ownership  borrows the client for the time of a call.
// Threading  one thread.
// Errors     exit codes as commands.h.
// Limits     those of HttpClient.
#pragma once

#include "surface/cli/commands.h"

namespace dragonfly {

struct TokenNewOptions {
  std::string name;
  std::string role = "viewer";
  std::vector<std::string> namespaces;  // Empty: all.
  std::string expires;                  // A duration or a time; empty: until it is revoked.
};

// Its text on standard output, and nothing else.
int make_token(CliSession& session, const TokenNewOptions& options);
int list_tokens(CliSession& session);
// Changes that were made through the API, newest first.
int show_audit(CliSession& session, size_t limit);
int revoke_token(CliSession& session, const std::string& id);

// By which machines enrol as agents.
struct AgentTokenOptions {
  std::string ns, mcis;  // Empty: default.
  std::string name;
  std::string expires;  // Empty: an hour.
  size_t uses = 0;      // 0: as many as come.
};
// Its text on standard output; on standard error what to run on the machine.
int make_agent_token(CliSession& session, const AgentTokenOptions& options);
int list_agent_tokens(CliSession& session);
int revoke_agent_token(CliSession& session, const std::string& id);

}  // namespace dragonfly
