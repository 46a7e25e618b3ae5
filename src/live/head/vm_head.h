// VmHead: what a head keeps of one VM; for head.cc and head_window.cc.
//
// Units      ns.
// Ownership  owns the rows; the entry outlives it.
// Threading  the shard's thread.
// Errors     none.
// Limits     those of VmRows.
#pragma once

#include "live/head/head.h"

namespace dragonfly {

struct Head::VmHead {
  explicit VmHead(VmEntry& entry) : vm(entry) {}
  VmEntry& vm;
  VmRows rows;
  VmRows late;
  MonotonicTime first_unsealed{};  // When the oldest unsealed row came.
  MonotonicTime first_late{};
};

}  // namespace dragonfly
