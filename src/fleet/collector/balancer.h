// Balancer: which collector is in charge of which VM, and how many collectors there have to be.
//
// A collector is a set of VMs with a schedule: the unit of tagging, scaling, aggregation and draining. It holds no rows, so
// moving a VM from one to another changes a tag and moves no data. A VM is tagged while its frames come; only lose() and a
// move end a tag. Collectors are divided by keys (one for all, the CSP, or CSP and region): no collector holds two keys.
//
// Units      none; time is the caller's.
// Ownership  owns collectors and tags.
// Threading  one thread, or under the owner's lock.
// Errors     stop(): kNotFound.
// Limits     max_hosts VMs a collector; as many collectors as the VMs demand, and kStartedMax that were started by hand.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/core/result.h"
#include "model/flow/vm.h"

namespace dragonfly {

class Balancer {
 public:
  static constexpr size_t kStartedMax = 1000;

  struct Collector {
    uint32_t id = 0;  // From 1, never used again by this process.
    std::string key;  // What all of its VMs have in common; any key where there are none yet and it is not reserved.
    bool reserved = false;  // Its key stands although it may have no VMs: scaling made it for that key.
    bool by_hand = false;   // On top of what the number of VMs demands.
    bool draining = false;  // Gets no more VMs; ends at its next aggregation.
    std::vector<VmId> vms;
  };

  // At least 1. Collectors that hold more are relieved by the next scale().
  void set_max_hosts(size_t max_hosts) { max_hosts_ = max_hosts; }

  // The VM's frames come, and it belongs to `key`. Again is cheap; another key ends its tag.
  void see(VmId vm, std::string_view key);
  // None came for the TTL: the tag ends, the VM counts no more.
  void lose(VmId vm);
  // Tags the VMs that wait, the emptiest collector first, as far as there is room; the others wait for scale().
  void assign();
  // Makes the number of collectors what the VMs demand: the sum over keys of ceil(VMs / max_hosts), at least one. Those too
  // many drain, the emptiest first. Then assigns.
  void scale();
  // An aggregation boundary of a draining collector: its VMs wait again (and are assigned), and it ends. False where it is
  // not draining.
  bool finish_drain(uint32_t id);

  // kResourceExhausted at kStartedMax. It takes the key of the first VM that it gets.
  Result<uint32_t> start_by_hand();
  // It drains; scale() starts another where the number demands one.
  Result<> stop(uint32_t id);

  const std::map<uint32_t, Collector>& collectors() const { return collectors_; }
  const Collector* collector_of(VmId vm) const;
  size_t vms() const { return tags_.size(); }
  size_t waiting() const;

 private:
  struct Tag {
    std::string key;
    Collector* collector = nullptr;  // Null: it waits.
    size_t place = 0;                // In the collector's vms.
  };
  struct Key {
    size_t vms = 0;
    std::vector<VmId> waiting;  // May name VMs that are gone, or are tagged meanwhile.
  };
  Collector& add(std::string_view key, bool by_hand);
  void untag(Tag& tag);
  void put(VmId vm, Tag& tag, Collector& collector);
  void assign_key(const std::string& name, Key& key);
  void scale_key(const std::string& name, size_t needed);
  void relieve();
  size_t serving(std::string_view key) const;

  size_t max_hosts_ = 10;
  uint32_t next_id_ = 1;
  std::map<uint32_t, Collector> collectors_;
  std::unordered_map<uint32_t, Tag> tags_;
  std::map<std::string, Key, std::less<>> keys_;
};

}  // namespace dragonfly
