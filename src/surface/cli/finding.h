// Inside surface/cli: what a command is about, by its options or because there is only one.
//
// Units      none.
// Ownership  metrics point into the catalogue.
// Threading  one thread.
// Errors     said in the session's errors, with what there is; `code` is set to the exit code.
// Limits     a page of the server.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "model/catalogue/catalogue.h"
#include "surface/cli/commands.h"

namespace dragonfly {

// Empty: not said.
struct VmName {
  std::string ns, mcis, vm;
};
using WantedMetrics = std::map<GroupId, std::vector<const Metric*>>;

std::optional<VmName> find_vm(CliSession& session, const VmName& said, int& code);
std::optional<VmName> find_mcis(CliSession& session, const VmName& said, int& code);
// Groups and metrics by name; all where none is given.
std::optional<WantedMetrics> find_wanted(CliSession& session, const std::vector<std::string>& names, int& code);

int get_group_metrics(CliSession& session, const MetricGetOptions& options, const WantedMetrics& wanted);
int get_metrics_now(CliSession& session, const VmName& vm, const WantedMetrics& wanted);

}  // namespace dragonfly
