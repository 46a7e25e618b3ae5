// AgentRecord: what the server knows of an enrolled agent before any crypto.
//
// Units      none.
// Ownership  a value.
// Threading  a value.
// Errors     none.
// Limits     names as base/core/names.h.
#pragma once

#include <cstdint>

#include "model/flow/vm.h"

namespace dragonfly {

struct AgentRecord {
  uint64_t agent_id = 0;
  uint8_t epoch = 0;  // Of the key in force.
  bool revoked = false;
  VmIdentity vm;  // The one that this key may write.
};

}  // namespace dragonfly
