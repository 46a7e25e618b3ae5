#include "store/tsdb/merger.h"

#include <algorithm>

#include "base/rt/worker_pool.h"

namespace dragonfly {
namespace {

constexpr Duration kLookInterval = 10s;
constexpr Duration kRetryIntervalMax = 60s;
constexpr Duration kTurn = 5ms;  // Work between two pauses.

}  // namespace

void Merger::start() {
  retention_.start();
  if (options_.background) thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void Merger::stop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

void Merger::run(const std::stop_token& stop) {
  name_this_thread("merger");
  const Duration look_interval = std::min(kLookInterval, options_.settle);
  Duration wait = look_interval;
  while (true) {
    {
      std::unique_lock lock(sleep_mutex_);
      sleep_.wait_for(lock, stop, wait, [&] { return stop.stop_requested(); });
    }
    if (stop.stop_requested()) return;
    MonotonicTime worked_since = core_.clock.monotonic();
    const auto merged = merge_hours(due_hours(), [&] { return pause(stop, worked_since); });
    if (!merged && !stop.stop_requested()) log_warning("store", "hours wait to be merged: {}", merged.error().message);
    const auto dropped = drop_old([&] { return pause(stop, worked_since); });
    if (!dropped && !stop.stop_requested()) log_warning("store", "old data waits: {}", dropped.error().message);
    wait = merged && dropped ? look_interval : std::min(2 * wait, kRetryIntervalMax);
  }
}

// After each turn of work a pause in proportion. False when it is time to stop.
bool Merger::pause(const std::stop_token& stop, MonotonicTime& worked_since) {
  const Duration worked = core_.clock.monotonic() - worked_since;
  if (worked < kTurn) return !stop.stop_requested();
  const double late = std::clamp(seconds(lag()) / seconds(kHurryAfter), 0.0, 1.0);
  const double share = options_.share + (1 - options_.share) * late;
  const auto rest = std::chrono::duration_cast<Duration>(worked * (1 / share - 1));
  std::unique_lock lock(sleep_mutex_);
  sleep_.wait_for(lock, stop, rest, [&] { return stop.stop_requested(); });
  worked_since = core_.clock.monotonic();
  return !stop.stop_requested();
}

bool Merger::is_due(const Partition& partition) const {
  return unix_ns(core_.clock.wall()) >= partition.name.end_ns() + options_.settle.count() &&
         core_.clock.monotonic() - partition.made >= options_.settle;
}

std::set<int64_t> Merger::due_hours() const {
  std::set<int64_t> out;
  for (const auto& partition : core_.partitions.of_tier(Tier::kFresh)) {
    if (is_due(*partition)) out.insert(partition->name.hour);
  }
  return out;
}

Result<size_t> Merger::merge_due() {
  return merge_hours(due_hours(), [] { return true; });
}

Result<size_t> Merger::merge_all() {
  size_t merged = 0;
  // Twice: the first round may take what an earlier merge had begun, and leave the generation after it.
  for (int round = 0; round < 2; ++round) {
    std::set<int64_t> hours;
    for (const auto& partition : core_.partitions.of_tier(Tier::kFresh)) hours.insert(partition->name.hour);
    auto count = merge_hours(hours, [] { return true; });
    if (!count) return count;
    merged += *count;
  }
  return merged;
}

Result<size_t> Merger::merge_hours(const std::set<int64_t>& hours, const std::function<bool()>& go_on) {
  const std::lock_guard lock(merge_mutex_);
  for (const int64_t hour : hours) {
    const MonotonicTime started = core_.clock.monotonic();
    DF_TRY(HourMerge(core_, hour, options_.probe).run(go_on));
    core_.stats.merge_time.observe(seconds(core_.clock.monotonic() - started));
  }
  return hours.size();
}

Result<size_t> Merger::drop_old(const std::function<bool()>& go_on) {
  const std::lock_guard lock(merge_mutex_);
  return retention_.run(go_on);
}

Duration Merger::lag() const {
  Duration out{0};
  const int64_t now_ns = unix_ns(core_.clock.wall());
  const MonotonicTime now = core_.clock.monotonic();
  for (const auto& partition : core_.partitions.of_tier(Tier::kFresh)) {
    // Of an hour that late rows opened again only the time since then counts.
    if (is_due(*partition))
      out = std::max(out, std::min(Duration(now_ns - partition->name.end_ns()), now - partition->made));
  }
  return out;
}

}  // namespace dragonfly
