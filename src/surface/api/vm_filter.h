// Inside surface/api: which VMs a native question is about: ns, mcis, vm, csp, region (lists, *), tag.NAME.
//
// Units      none.
// Ownership  entries belong to the Directory.
// Threading  the caller's.
// Errors     kInvalidArgument names the parameter.
// Limits     kListItemsMax items a list.
#pragma once

#include <memory>
#include <vector>

#include "base/http/http_message.h"
#include "model/flow/directory.h"

namespace dragonfly {

struct SelectedVm {
  VmEntry* entry;
  std::shared_ptr<const Dictionary> labels;
};

// Labels cost a look-up each, which a list of which one page is shown need not pay: then they are null.
enum class WithLabels { kNo, kYes };

// Ordered by identity.
Result<std::vector<SelectedVm>> select_vms(Directory& directory, const HttpRequest& request,
                                           WithLabels with_labels = WithLabels::kYes);

}  // namespace dragonfly
