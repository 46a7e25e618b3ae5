// Retention: drops the partitions of each tier that are old. Before raw rows go, the minutes of series that have none
// are made, where minutes are kept longer.
//
// Units      ns.
// Ownership  borrows the core.
// Threading  set(): any thread. run(): one thread, not beside a merge.
// Errors     kUnavailable where `go_on` said no, kNoSpace, kIo; what is left is dropped by the next run.
// Limits     kPartitionsMax partitions a tier: a longer retention makes wider ones.
#pragma once

#include <functional>
#include <mutex>

#include "store/tsdb/retention_clock.h"
#include "store/tsdb/tier_writer.h"

namespace dragonfly {

struct RetentionTimes {
  Duration raw = std::chrono::hours(48);
  Duration minutes = std::chrono::hours(30 * 24);
  Duration hours = std::chrono::hours(400 * 24);
  Duration days = std::chrono::hours(1825 * 24);
  bool operator==(const RetentionTimes&) const = default;
};

class Retention {
 public:
  static constexpr int64_t kPartitionsMax = 32;
  // Rows that were just young enough when they came are merged by then.
  static constexpr Duration kRawGrace = std::chrono::minutes(10);

  explicit Retention(StoreCore& core) : core_(core) {}
  void set(const RetentionTimes& times);
  // Once, when the store is open.
  void start();
  // Returns how many partitions went. `go_on` is asked between series; it may wait.
  Result<size_t> run(const std::function<bool()>& go_on);

 private:
  Result<size_t> drop_rollups(Tier tier, Timestamp limit);
  Result<size_t> drop_raw(Timestamp limit, Timestamp minutes_limit, const std::function<bool()>& go_on);
  Result<> make_minutes(const PartitionName& around, const std::function<bool()>& go_on);
  Result<> make_minutes_of(const std::shared_ptr<Partition>& partition, TierWriter& tiers,
                           const std::function<bool()>& go_on);
  Result<> forget_hours(const PartitionName& raw);
  Result<> remember(Timestamp now);

  StoreCore& core_;
  RetentionClock clock_;
  std::optional<Timestamp> remembered_;
  std::mutex mutex_;  // Whoever changes the policy, and run().
  RetentionTimes times_;
};

}  // namespace dragonfly
