// CollectorManager: the collectors of a running server: tags VMs, scales, and aggregates, each at its interval.
//
// Units      durations in ns, monotonic time.
// Ownership  owns its thread and the balancer; borrows the parts, which outlive it.
// Threading  start(), stop(): the owner's thread. step(): the manager's thread, or a test's that did not start it. The rest:
//            any thread. One mutex, held for no I/O and no wait: HTTP workers ask what the manager's thread changes.
// Errors     find_collector(), stop_collector(): kNotFound; start_collector(): kResourceExhausted.
// Limits     those of Balancer.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/obs/metrics.h"
#include "base/rt/clock.h"
#include "fleet/collector/balancer.h"
#include "fleet/policy/policy.h"
#include "model/flow/directory.h"
#include "model/rollup/window.h"

namespace dragonfly {

// What an aggregation of one collector brought.
struct Aggregated {
  WindowSummary window;  // Of the interval that ends now, across its VMs.
  uint64_t dropped = 0;  // VMs of which nothing could be asked.
};

struct CollectorView {
  uint32_t id = 0;
  bool draining = false;
  bool by_hand = false;
  std::string policy;  // agentCount, csp, region.
  std::string key;     // "", "aws", "aws/eu-west-1".
  uint64_t rows_total = 0;
  uint64_t dropped_total = 0;
  Duration aggregate_time{0};  // Of the last aggregation: from its tick until everything was there.
  Duration since_aggregation{0};
  WindowSummary window;  // Of the last aggregation.
  std::vector<VmId> vms;
};

class CollectorManager {
 public:
  struct Parts {
    Directory& directory;
    Clock& clock;
    std::function<std::shared_ptr<const PolicySet>()> policy;
    // Blocks until the values over the newest `window` of these sets of VMs are there; one answer a set.
    std::function<std::vector<Aggregated>(std::span<const std::vector<VmId>> sets, Duration window)> aggregate;
  };
  explicit CollectorManager(Parts parts);
  ~CollectorManager();
  void start();
  void stop();
  // Does what is due at `now`.
  void step(MonotonicTime now);

  std::vector<CollectorView> list() const;  // By id.
  Result<CollectorView> find_collector(uint32_t id) const;
  Result<uint32_t> start_collector();
  Result<> stop_collector(uint32_t id);
  // Id of the collector that is in charge of the VM; 0 = it waits for one, or is silent.
  uint32_t collector_of(VmId vm) const;
  void write_metrics(MetricsText& text) const;
  // Time since the last step that ended; for health.
  Duration lag() const;

 private:
  struct Seen {
    bool alive = false;
    uint64_t dictionary_id = 0;  // From whose labels its key was made.
  };
  struct Schedule {
    MonotonicTime next{};
    MonotonicTime last{};
    uint64_t rows_total = 0;
    uint64_t dropped_total = 0;
    Duration aggregate_time{0};
    WindowSummary window;
  };
  void tag(MonotonicTime now, const PolicySet& policies);
  std::string key_of(const VmEntry& vm, const Policy& policy) const;
  void plan(MonotonicTime now, const Policy& policy);
  void set_next(uint32_t id, Schedule& schedule, MonotonicTime next);
  void end(uint32_t id);
  void aggregate_due(MonotonicTime now, const Policy& policy);
  CollectorView view_of(const Balancer::Collector& collector) const;

  const Parts parts_;
  // The manager's thread only.
  std::vector<VmEntry*> vms_;
  std::vector<Seen> seen_;  // Index = VM id.
  std::string keyed_by_;
  MonotonicTime next_tag_{};
  MonotonicTime next_scale_{};

  mutable std::mutex mutex_;  // Guards what follows.
  Balancer balancer_;
  std::unordered_map<uint32_t, Schedule> schedules_;
  std::set<std::pair<MonotonicTime, uint32_t>> due_;  // When each collector aggregates next.
  std::string policy_name_;
  uint64_t scaled_out_ = 0;
  uint64_t scaled_in_ = 0;
  MonotonicTime last_step_{};
  std::jthread thread_;
};

}  // namespace dragonfly
