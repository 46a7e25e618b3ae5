// AgentLinks: the AgentLink of a server: finds the shard that holds an agent's association.
//
// Units      ns.
// Ownership  borrows the shards, which outlive it.
// Threading  any thread.
// Errors     as AgentLink.
// Limits     as AgentLink.
#pragma once

#include "ingest/receiver/shard.h"

namespace dragonfly {

class AgentLinks final : public AgentLink {
 public:
  explicit AgentLinks(std::vector<Shard*> shards) : shards_(std::move(shards)) {}
  void sample_now(VmEntry& vm, std::vector<uint32_t> groups, Duration timeout, Done done) override {
    if (vm.agent_id == 0) {
      return done(fail(ErrorCode::kTimeout, "VM '{}' has no agent that has reported since this server started",
                       vm.identity.vm));
    }
    Shard* shard = shards_[vm.agent_shard % shards_.size()];
    const auto task = [shard, &vm, groups, timeout, done] { shard->sample_now(vm, groups, timeout, done); };
    if (!shard->post(task)) done(fail(ErrorCode::kUnavailable, "the server is too busy to ask agents now; try again"));
  }

 private:
  const std::vector<Shard*> shards_;
};

}  // namespace dragonfly
