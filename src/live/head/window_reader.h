// WindowReader: the real-time window of sets of VMs, over the heads of all shards; what collectors aggregate.
//
// Units      ns.
// Ownership  borrows directory, clock and heads; they outlive it and every task that is under way.
// Threading  read(): any thread that may wait, never a shard's. A shard computes on its own thread, kVmsPerTask VMs a task.
// Errors     none: VMs of a shard that took no task, or did not answer in time, count as unanswered.
// Limits     kVmsPerTask keeps a shard's turn below 10 ms.
#pragma once

#include <span>
#include <vector>

#include "base/rt/clock.h"
#include "live/head/head.h"

namespace dragonfly {

class WindowReader {
 public:
  static constexpr size_t kVmsPerTask = 1000;

  struct Shard {
    Executor* executor;
    Head* head;
  };
  struct Answer {
    WindowSummary window;
    uint64_t unanswered = 0;  // VMs of which nothing could be asked.
  };
  WindowReader(Directory& directory, const Clock& clock, std::vector<Shard> shards)
      : directory_(directory), clock_(clock), shards_(std::move(shards)) {}

  // One answer a set, in their order; all shards are asked at once, each with as few tasks as it takes.
  std::vector<Answer> read(std::span<const std::vector<VmId>> sets, Duration window, Duration timeout) const;

 private:
  struct Part {  // The VMs of one set that lie in one shard.
    size_t set;
    std::vector<VmId> vms;
  };
  struct Gathering;
  std::vector<std::vector<Part>> tasks_of(std::span<const std::vector<VmId>> sets, size_t shard) const;

  Directory& directory_;
  const Clock& clock_;
  const std::vector<Shard> shards_;
};

}  // namespace dragonfly
