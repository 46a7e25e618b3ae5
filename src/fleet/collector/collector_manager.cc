#include "fleet/collector/collector_manager.h"

#include <algorithm>
#include <condition_variable>

#include "base/rt/worker_pool.h"

namespace dragonfly {
namespace {

constexpr Duration kTagInterval = 1s;      // A VM loses its tag at most so long after its TTL.
constexpr Duration kStepInterval = 100ms;  // A step asks each shard at most once; collectors share it.

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
  const auto policies = parts_.policy();
  const Policy& policy = policies->server;
  bool changed = false;
  if (now >= next_tag_) {
    next_tag_ = now + kTagInterval;
    tag(now, *policies);
    changed = true;
  }
  // A shorter interval is in force at once, not after the longer one.
  if (now >= next_scale_ || next_scale_ - now > policy.schedule_interval) {
    next_scale_ = now + policy.schedule_interval;
    const std::lock_guard lock(mutex_);
    const size_t before = balancer_.collectors().size();
    balancer_.scale();
    scaled_out_ += balancer_.collectors().size() - before;
    changed = true;
  }
  if (changed) {
    const std::lock_guard lock(mutex_);
    plan(now, policy);
  }
  aggregate_due(now, policy);
  const std::lock_guard lock(mutex_);
  last_step_ = now;
}

std::string CollectorManager::key_of(const VmEntry& vm, const Policy& policy) const {
  if (policy.monitoring_policy == "agentCount") return {};
  const auto dictionary = parts_.directory.find_dictionary(vm.dictionary_id.load(std::memory_order_relaxed));
  if (!dictionary) return {};
  std::string key(dictionary->label("cspType"));
  if (policy.monitoring_policy == "region") key += "/" + std::string(dictionary->label("region"));
  return key;
}

// The balancer hears of a VM only when something changed: of a hundred thousand that go on, nothing is looked up.
void CollectorManager::tag(MonotonicTime now, const PolicySet& policies) {
  const Policy& policy = policies.server;
  if (keyed_by_ != policy.monitoring_policy) {
    keyed_by_ = policy.monitoring_policy;
    for (Seen& seen : seen_) seen.alive = false;  // So that each is seen with its new key.
  }
  const std::vector<VmEntry*> newer = parts_.directory.vms_from(vms_.size());
  vms_.insert(vms_.end(), newer.begin(), newer.end());
  const std::lock_guard lock(mutex_);
  policy_name_ = policy.monitoring_policy;
  balancer_.set_max_hosts(static_cast<size_t>(policy.max_host_count));
  for (const VmEntry* const vm : vms_) {
    const auto index = static_cast<size_t>(vm->id);
    if (index >= seen_.size()) seen_.resize(index + vms_.size());
    Seen& seen = seen_[index];
    const Seen is{is_alive(*vm, policies.of(vm->identity.ns), now), vm->dictionary_id.load(std::memory_order_relaxed)};
    if (is.alive && (!seen.alive || seen.dictionary_id != is.dictionary_id)) {
      balancer_.see(vm->id, key_of(*vm, policy));
    } else if (!is.alive && seen.alive) {
      balancer_.lose(vm->id);
    }
    seen = is;
  }
  balancer_.assign();
}

void CollectorManager::set_next(uint32_t id, Schedule& schedule, MonotonicTime next) {
  due_.erase({schedule.next, id});
  schedule.next = next;
  due_.emplace(next, id);
}

// Collectors that are new get a schedule, those that drain are due now, and a shorter interval is in force at once.
void CollectorManager::plan(MonotonicTime now, const Policy& policy) {
  for (const auto& [id, collector] : balancer_.collectors()) {
    const auto [at, is_new] = schedules_.try_emplace(id);
    Schedule& schedule = at->second;
    if (is_new) {
      schedule.last = now;
      schedule.next = now + phase_of(id, policy.collector_interval);
      due_.emplace(schedule.next, id);
    }
    const MonotonicTime latest = collector.draining ? now : now + policy.collector_interval;
    if (schedule.next > latest) set_next(id, schedule, latest);
  }
}

void CollectorManager::end(uint32_t id) {
  due_.erase({schedules_.at(id).next, id});
  schedules_.erase(id);
  ++scaled_in_;
}

void CollectorManager::aggregate_due(MonotonicTime now, const Policy& policy) {
  std::vector<uint32_t> ids;
  std::vector<std::vector<VmId>> sets;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [next, id] : due_) {
      if (next > now) break;
      ids.push_back(id);
      sets.push_back(balancer_.collectors().at(id).vms);
    }
  }
  if (ids.empty()) return;
  const MonotonicTime begun = parts_.clock.monotonic();
  const std::vector<Aggregated> outcomes = parts_.aggregate(sets, policy.collector_interval);
  const Duration took = parts_.clock.monotonic() - begun;
  const std::lock_guard lock(mutex_);
  for (size_t i = 0; i < ids.size(); ++i) {
    Schedule& schedule = schedules_.at(ids[i]);
    set_next(ids[i], schedule, std::max(schedule.next + policy.collector_interval, now));
    schedule.last = now;
    schedule.rows_total += outcomes[i].window.rows;
    schedule.dropped_total += outcomes[i].dropped;
    schedule.window = outcomes[i].window;
    schedule.aggregate_time = took;
    if (balancer_.finish_drain(ids[i])) end(ids[i]);
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
    view.window = at->second.window;
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
