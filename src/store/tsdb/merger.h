// Merger: merges hours in the background, at its own pace, and on demand; between merges it drops what is old.
//
// An hour is due once it has been over for `settle` and its fresh partitions are at least as old: so rows that come late
// are merged together, not one by one.
//
// Units      ns.
// Ownership  borrows the core; owns its thread.
// Threading  start(), stop(): the owner's thread. merge_due(), merge_all(), drop_old(), set_retention(): any thread; one merge at a time.
// Errors     the thread logs them and tries again, soon at first, then once a minute.
// Limits     the thread works `share` of the time, more the longer hours wait, all of it from kHurryAfter on.
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>

#include "store/tsdb/hour_merge.h"
#include "store/tsdb/retention.h"

namespace dragonfly {

struct MergeOptions {
  bool background = true;
  Duration settle = std::chrono::minutes(5);
  double share = 0.25;
  MergeProbe probe;
};

class Merger {
 public:
  static constexpr Duration kHurryAfter = std::chrono::hours(2);

  Merger(StoreCore& core, MergeOptions options) : core_(core), options_(std::move(options)), retention_(core) {}
  ~Merger() { stop(); }
  void start();
  void stop();
  // The hours that are due now; returns how many were merged.
  Result<size_t> merge_due();
  // Every hour that has fresh rows, also the present one, without a pause.
  Result<size_t> merge_all();
  void set_retention(const RetentionTimes& times) { retention_.set(times); }
  // Drops what is old now, as the background does; returns how many partitions went.
  Result<size_t> drop_old() {
    return drop_old([] { return true; });
  }
  // How long the oldest hour that is over has waited.
  Duration lag() const;

 private:
  void run(const std::stop_token& stop);
  bool is_due(const Partition& partition) const;
  bool pause(const std::stop_token& stop, MonotonicTime& worked_since);
  Result<size_t> merge_hours(const std::set<int64_t>& hours, const std::function<bool()>& go_on);
  std::set<int64_t> due_hours() const;
  Result<size_t> drop_old(const std::function<bool()>& go_on);

  StoreCore& core_;
  const MergeOptions options_;
  Retention retention_;
  std::mutex merge_mutex_;  // One merge at a time, and no retention beside it.
  std::mutex sleep_mutex_;
  std::condition_variable_any sleep_;
  std::jthread thread_;
};

}  // namespace dragonfly
