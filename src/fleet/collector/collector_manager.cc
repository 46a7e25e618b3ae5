#include "fleet/collector/collector_manager.h"

#include <algorithm>
#include <condition_variable>

#include "base/rt/worker_pool.h"

namespace dragonfly {
namespace {

constexpr Duration kTagInterval = 500ms;  // A VM loses its tag at most so long after its TTL.
constexpr Duration kStepInterval = 50ms;

bool is_alive(const VmEntry& vm, const Policy& policy, MonotonicTime now) {
  const int64_t arrival_ns = vm.last_arrival_ns.load(std::memory_order_relaxed);
  if (arrival_ns == 0) return false;
  const uint32_t interval_ms = vm.interval_ms.load(std::memory_order_relaxed);
  const Duration interval = interval_ms == 0 ? policy.agent_interval : std::chrono::milliseconds(interval_ms);
  return now.time_since_epoch().count() - arrival_ns <= policy.effective_agent_ttl(interval).count();
}

// Aggregations of many collectors spread over the interval: a large odd factor takes neighbouring ids far apart.
Duration phase_of(uint32_t id, Duration interval) {
  return Duration(static_cast<int64_t>(id * 0x9e3779b1u) * (interval.count() >> 20) >> 12);
}

}  // namespace

CollectorManager::CollectorManager(Parts parts) : parts_(std::move(parts)) {}

CollectorManager::~CollectorManager() { stop(); }

void CollectorManager::start() {
  thread_ = std::jthread([this](std::stop_token stop) {
    name_this_thread("collectors");
    std::mutex mutex;
    std::condition_variable_any sleep;
    std::unique_lock lock(mutex);
    do {
      step(parts_.clock.monotonic());
    } while (!sleep.wait_for(lock, stop, kStepInterval, [&] { return stop.stop_requested(); }));
  });
}

void CollectorManager::stop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

void CollectorManager::step(MonotonicTime now) {
  const Policy policy = parts_.policy();
  if (now >= next_tag_) {
    next_tag_ = now + kTagInterval;
    tag(now, policy);
  }
  // A shorter interval is in force at once, not after the longer one.
  if (now >= next_scale_ || next_scale_ - now > policy.schedule_interval) {
    next_scale_ = now + policy.schedule_interval;
    const std::lock_guard lock(mutex_);
    const size_t before = balancer_.collectors().size();
    balancer_.scale();
    scaled_out_ += balancer_.collectors().size() - before;
  }
  aggregate_due(now, policy);
  const std::lock_guard lock(mutex_);
  last_step_ = now;
}

const std::string& CollectorManager::key_of(const VmEntry& vm, const Policy& policy) {
  Key& key = keys_[static_cast<uint32_t>(vm.id)];
  const uint64_t dictionary_id = vm.dictionary_id.load(std::memory_order_relaxed);
  if (policy.monitoring_policy == "agentCount" || (key.dictionary_id == dictionary_id && dictionary_id != 0))
    return key.text;
  key.dictionary_id = dictionary_id;
  const auto dictionary = parts_.directory.find_dictionary(dictionary_id);
  key.text.clear();
  if (!dictionary) return key.text;
  key.text = dictionary->label("cspType");
  if (policy.monitoring_policy == "region") key.text += "/" + std::string(dictionary->label("region"));
  return key.text;
}

void CollectorManager::tag(MonotonicTime now, const Policy& policy) {
  if (keyed_by_ != policy.monitoring_policy) {
    keyed_by_ = policy.monitoring_policy;
    keys_.clear();
  }
  const std::vector<VmEntry*> vms = parts_.directory.vms();
  std::vector<const std::string*> keys(vms.size());  // Null: it is silent.
  for (size_t i = 0; i < vms.size(); ++i) {
    if (is_alive(*vms[i], policy, now)) keys[i] = &key_of(*vms[i], policy);
  }
  const std::lock_guard lock(mutex_);
  policy_name_ = policy.monitoring_policy;
  balancer_.set_max_hosts(static_cast<size_t>(policy.max_host_count));
  for (size_t i = 0; i < vms.size(); ++i) {
    if (keys[i] != nullptr) {
      balancer_.see(vms[i]->id, *keys[i]);
    } else {
      balancer_.lose(vms[i]->id);
    }
  }
  balancer_.assign();
}

void CollectorManager::aggregate_due(MonotonicTime now, const Policy& policy) {
  std::vector<std::pair<uint32_t, std::vector<VmId>>> due;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, collector] : balancer_.collectors()) {
      auto [at, is_new] = schedules_.try_emplace(id);
      Schedule& schedule = at->second;
      if (is_new) {
        schedule.last = now;
        schedule.next = now + phase_of(id, policy.collector_interval);
      }
      schedule.next = std::min(schedule.next, now + policy.collector_interval);
      if (now >= schedule.next || collector.draining) due.emplace_back(id, collector.vms);
    }
  }
  for (const auto& [id, vms] : due) {
    const MonotonicTime begun = parts_.clock.monotonic();
    const Aggregated outcome = vms.empty() ? Aggregated{} : parts_.aggregate(vms, policy.collector_interval);
    const Duration took = parts_.clock.monotonic() - begun;
    const std::lock_guard lock(mutex_);
    Schedule& schedule = schedules_[id];
    schedule.next = std::max(schedule.next + policy.collector_interval, now);
    schedule.last = now;
    schedule.rows_total += outcome.rows;
    schedule.dropped_total += outcome.dropped;
    schedule.aggregate_time = took;
    if (balancer_.finish_drain(id)) {
      schedules_.erase(id);
      ++scaled_in_;
    }
  }
}

CollectorView CollectorManager::view_of(const Balancer::Collector& collector) const {
  CollectorView view;
  view.id = collector.id;
  view.draining = collector.draining;
  view.by_hand = collector.by_hand;
  view.policy = policy_name_;
  view.key = collector.key;
  view.vms = collector.vms;
  if (const auto at = schedules_.find(collector.id); at != schedules_.end()) {
    view.rows_total = at->second.rows_total;
    view.dropped_total = at->second.dropped_total;
    view.aggregate_time = at->second.aggregate_time;
    view.since_aggregation = parts_.clock.monotonic() - at->second.last;
  }
  return view;
}

std::vector<CollectorView> CollectorManager::list() const {
  const std::lock_guard lock(mutex_);
  std::vector<CollectorView> out;
  for (const auto& [id, collector] : balancer_.collectors()) out.push_back(view_of(collector));
  return out;
}

Result<CollectorView> CollectorManager::find_collector(uint32_t id) const {
  const std::lock_guard lock(mutex_);
  const auto at = balancer_.collectors().find(id);
  if (at == balancer_.collectors().end()) return fail(ErrorCode::kNotFound, "collector {} is not there", id);
  return view_of(at->second);
}

Result<uint32_t> CollectorManager::start_collector() {
  const std::lock_guard lock(mutex_);
  auto started = balancer_.start_by_hand();
  if (started) ++scaled_out_;
  return started;
}

Result<> CollectorManager::stop_collector(uint32_t id) {
  const std::lock_guard lock(mutex_);
  return balancer_.stop(id);
}

uint32_t CollectorManager::collector_of(VmId vm) const {
  const std::lock_guard lock(mutex_);
  const Balancer::Collector* const collector = balancer_.collector_of(vm);
  return collector == nullptr ? 0 : collector->id;
}

Duration CollectorManager::lag() const {
  const std::lock_guard lock(mutex_);
  return last_step_ == MonotonicTime{} ? Duration{0} : parts_.clock.monotonic() - last_step_;
}

void CollectorManager::write_metrics(MetricsText& text) const {
  const std::lock_guard lock(mutex_);
  Duration longest{0};
  uint64_t rows = 0, dropped = 0;
  for (const auto& [id, schedule] : schedules_) {
    longest = std::max(longest, schedule.aggregate_time);
    rows += schedule.rows_total;
    dropped += schedule.dropped_total;
  }
  text.gauge("dragonfly_collector_count", "Collectors that run.", static_cast<double>(balancer_.collectors().size()));
  text.gauge("dragonfly_vms_alive", "VMs whose frames come.", static_cast<double>(balancer_.vms()));
  text.gauge("dragonfly_vms_waiting", "VMs whose frames come and that have no collector yet.",
             static_cast<double>(balancer_.waiting()));
  text.gauge("dragonfly_aggregate_time_seconds", "The longest of all collectors' last aggregations.", seconds(longest));
  text.family("dragonfly_collectors_started_total", "counter", "Collectors that were started.");
  text.sample(scaled_out_);
  text.family("dragonfly_collectors_ended_total", "counter", "Collectors that were drained and ended.");
  text.sample(scaled_in_);
  text.gauge("dragonfly_collector_rows", "Rows that the collectors which run have aggregated.",
             static_cast<double>(rows));
  text.gauge("dragonfly_collector_unanswered", "VMs of aggregations that were not answered.",
             static_cast<double>(dropped));
}

}  // namespace dragonfly
