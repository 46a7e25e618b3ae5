// AgentRecord: what the server knows of an enrolled agent before any crypto.
//
// Units      none.
// Ownership  a value.
// Threading  a value.
// Errors     none.
// Limits     names as base/core/names.h.
#pragma once

#include <cstdint>
#include <string>

#include "model/flow/vm.h"

namespace dragonfly {

struct AgentRecord {
  uint64_t agent_id = 0;
  uint8_t epoch = 0;  // Of the key in force.
  bool revoked = false;
  VmIdentity vm;            // The one that this key may write.
  uint8_t older_epoch = 0;  // Of the key before, as long as the agent has not used the one in force; 0: none.
  // Marks of the machine on which it enrolled (model/frame/machine_identity.h); empty: not known.
  std::string machine{}, firmware{}, instance{};
};

}  // namespace dragonfly
