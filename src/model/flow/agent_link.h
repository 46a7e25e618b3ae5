// AgentLink: requests to agents over the association that they opened (no port at the agent's side).
//
// Units      ns.
// Ownership  answers are moved to the callback.
// Threading  any thread; `done` is called exactly once, on a shard's thread, and should only pass on.
// Errors     kNotFound: the VM has no native agent. kTimeout: it did not answer, with the cause that is known (never
//            seen since the start, silent for n s, or no answer to 3 requests).
// Limits     kRequestsMax open requests a shard (kUnavailable beyond).
#pragma once

#include <functional>

#include "base/core/result.h"
#include "model/flow/vm.h"
#include "model/row/row.h"

namespace dragonfly {

struct SampledRow {
  GroupId group = GroupId::kCpu;
  std::string device;
  Timestamp time{};
  Bytes fields;  // Counters are running totals.
};

class AgentLink {
 public:
  static constexpr size_t kRequestsMax = 1024;
  using Done = std::function<void(Result<std::vector<SampledRow>>)>;
  virtual ~AgentLink() = default;
  virtual void sample_now(VmEntry& vm, std::vector<uint32_t> groups, Duration timeout, Done done) = 0;
};

}  // namespace dragonfly
