// cbmon top: asks in a thread of its own, so that keys are answered while a server is slow.
//
// Units      s.
// Ownership  borrows clients and clock for the time of the call.
// Threading  called by the first thread; the client of `asking` is used by another meanwhile.
// Errors     exit codes as commands.h. A server that is away is told on the screen and asked again.
// Limits     those of TopView.
#pragma once

#include <atomic>
#include <string>

#include "base/rt/clock.h"
#include "surface/cli/commands.h"
#include "surface/cli/top_view.h"

namespace dragonfly {

struct TopOptions {
  std::string ns, mcis;  // Empty: all.
  std::string sort = "cpu_utilization";
  Duration interval = 2s;
};

// Reads one answer; its problem is a line for people.
TopAnswer ask_top(CliSession& session, const TopOptions& options, const TopQuestion& question, Clock& clock);

// The whole screen, until q. Where standard output is no terminal, or another form is asked for: one answer, as a table.
// `stopping` is set when the thread that asks shall give up.
int run_top(CliSession& session, const TopOptions& options, Clock& clock, std::atomic<bool>& stopping);

}  // namespace dragonfly
