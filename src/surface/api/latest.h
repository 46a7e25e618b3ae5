// Inside surface/api: the newest values of many VMs at once.
//
// Units      as statistics.h.
// Ownership  answers own their values.
// Threading  blocks for the time of a read.
// Errors     the reader's.
// Limits     the reader's rows_max.
#pragma once

#include <map>
#include <span>
#include <vector>

#include "query/statistics/statistics.h"
#include "surface/api/api.h"
#include "surface/api/vm_filter.h"

namespace dragonfly {

// Each field's newest value within the VM's last ticks, counters as rates. VMs without any are not in it.
Result<std::map<VmId, FieldValues>> latest_values(const ApiParts& parts, std::span<const SelectedVm> vms,
                                                  GroupId group);

// A statistic of each field over (now - collector_interval, now] by the VM's own clock, as rt-info has it. VMs without a
// row there are not in it.
Result<std::map<VmId, FieldValues>> real_time_values(const ApiParts& parts, const std::vector<SelectedVm>& vms,
                                                     GroupId group, Statistic statistic);

}  // namespace dragonfly
