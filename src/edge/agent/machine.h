// What this machine says of itself, as marks (model/frame/machine_identity.h).
//
// Units      none.
// Ownership  values.
// Threading  any thread.
// Errors     none: what cannot be read is not known.
// Limits     kMachineFileBytesMax a file.
#pragma once

#include <string>
#include <string_view>

#include "base/fs/file.h"
#include "model/frame/machine_identity.h"

namespace dragonfly {

inline constexpr uint64_t kMachineFileBytesMax = 4096;

// Below `root`: etc/machine-id, and the firmware's UUID: only root may read that one in sys/class/dmi/id, so what starts
// the agent leaves a copy of it in run/cb-agent. `instance_id`: as the cloud told it; empty: it did not.
MachineIdentity read_machine(FileSystem& files, const std::string& root, std::string_view instance_id);

}  // namespace dragonfly
