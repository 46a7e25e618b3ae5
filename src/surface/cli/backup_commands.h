// Commands of cbmon about backups, which the server makes below its server.backup_dir.
//
// Units      none.
// Ownership  borrows the client for the time of a call.
// Threading  one thread.
// Errors     exit codes as commands.h; a backup that failed is 1, with the server's words.
// Limits     those of HttpClient.
#pragma once

#include <functional>

#include "surface/cli/commands.h"

namespace dragonfly {

// Empty `name`: of the time. `pause` is called between two questions how far it is; it says whether to go on.
int make_backup(CliSession& session, const std::string& name, const std::function<bool()>& pause);
int list_backups(CliSession& session);

}  // namespace dragonfly
