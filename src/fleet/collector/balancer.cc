#include "fleet/collector/balancer.h"

#include <algorithm>
#include <queue>
#include <utility>

namespace dragonfly {

Balancer::Collector& Balancer::add(std::string_view key, bool by_hand) {
  Collector& made = collectors_[next_id_];
  made.id = next_id_++;
  made.key = key;
  made.reserved = !by_hand;
  made.by_hand = by_hand;
  return made;
}

void Balancer::put(VmId vm, Tag& tag, Collector& collector) {
  collector.key = tag.key;
  tag.collector = &collector;
  tag.place = collector.vms.size();
  collector.vms.push_back(vm);
}

void Balancer::untag(Tag& tag) {
  if (tag.collector == nullptr) return;
  std::vector<VmId>& vms = std::exchange(tag.collector, nullptr)->vms;
  const VmId moved = vms.back();
  vms[tag.place] = moved;
  vms.pop_back();
  if (tag.place < vms.size()) tags_.at(static_cast<uint32_t>(moved)).place = tag.place;
}

void Balancer::see(VmId vm, std::string_view key) {
  const auto [at, is_new] = tags_.try_emplace(static_cast<uint32_t>(vm));
  Tag& tag = at->second;
  if (!is_new) {
    if (tag.key == key) return;
    untag(tag);
    --keys_.find(tag.key)->second.vms;
  }
  tag.key = key;
  Key& counted = keys_[tag.key];
  ++counted.vms;
  counted.waiting.push_back(vm);
}

void Balancer::lose(VmId vm) {
  const auto at = tags_.find(static_cast<uint32_t>(vm));
  if (at == tags_.end()) return;
  untag(at->second);
  --keys_.find(at->second.key)->second.vms;
  tags_.erase(at);
}

void Balancer::assign() {
  for (auto& [name, key] : keys_) {
    if (!key.waiting.empty()) assign_key(name, key);
  }
}

void Balancer::assign_key(const std::string& name, Key& key) {
  // Fewest VMs first; of equals the oldest.
  const auto later = [](const Collector* a, const Collector* b) {
    return std::pair(a->vms.size(), a->id) > std::pair(b->vms.size(), b->id);
  };
  std::priority_queue<Collector*, std::vector<Collector*>, decltype(later)> open(later);
  for (auto& [id, collector] : collectors_) {
    const bool free = collector.vms.empty() && !collector.reserved;
    if (!collector.draining && (free || collector.key == name) && collector.vms.size() < max_hosts_)
      open.push(&collector);
  }
  std::vector<VmId> left;
  for (const VmId vm : key.waiting) {
    const auto at = tags_.find(static_cast<uint32_t>(vm));
    if (at == tags_.end() || at->second.collector != nullptr || at->second.key != name) continue;
    if (open.empty()) {
      left.push_back(vm);
      continue;
    }
    Collector* const emptiest = open.top();
    open.pop();
    put(vm, at->second, *emptiest);
    if (emptiest->vms.size() < max_hosts_) open.push(emptiest);
  }
  key.waiting = std::move(left);
}

size_t Balancer::serving(std::string_view key) const {
  return static_cast<size_t>(std::ranges::count_if(collectors_, [&](const auto& entry) {
    const Collector& collector = entry.second;
    return !collector.by_hand && !collector.draining && collector.reserved && collector.key == key;
  }));
}

void Balancer::scale_key(const std::string& name, size_t needed) {
  size_t have = serving(name);
  // One that is left of a key without VMs (there is always one in all) serves this key now.
  for (auto& [id, collector] : collectors_) {
    if (have >= needed) break;
    if (collector.by_hand || collector.draining || !collector.vms.empty()) continue;
    const auto of = keys_.find(collector.key);
    if (collector.reserved && of != keys_.end() && of->second.vms > 0) continue;
    collector.key = name;
    collector.reserved = true;
    ++have;
  }
  for (; have < needed; ++have) add(name, false);
  if (have == needed) return;
  std::vector<Collector*> spare;
  for (auto& [id, collector] : collectors_) {
    if (!collector.by_hand && !collector.draining && collector.reserved && collector.key == name)
      spare.push_back(&collector);
  }
  std::ranges::sort(spare, {}, [](const Collector* c) { return std::pair(c->vms.size(), ~c->id); });
  for (size_t i = 0; i < have - needed; ++i) spare[i]->draining = true;
}

// A collector may hold more than it should since max_hosts became smaller.
void Balancer::relieve() {
  for (auto& [id, collector] : collectors_) {
    while (collector.vms.size() > max_hosts_) {
      const VmId vm = collector.vms.back();
      Tag& tag = tags_.at(static_cast<uint32_t>(vm));
      untag(tag);
      keys_.find(tag.key)->second.waiting.push_back(vm);
    }
  }
}

void Balancer::scale() {
  relieve();
  size_t needed_in_all = 0;
  for (const auto& [name, key] : keys_) {
    const size_t needed = (key.vms + max_hosts_ - 1) / max_hosts_;
    needed_in_all += needed;
    if (needed > 0) scale_key(name, needed);
  }
  // Keys without VMs go last, so that their collectors could be given to others.
  size_t kept = needed_in_all;
  for (auto& [id, collector] : collectors_) {
    if (collector.by_hand || collector.draining || !collector.vms.empty()) continue;
    const auto key = keys_.find(collector.key);
    if (key != keys_.end() && key->second.vms > 0) continue;
    if (kept == 0) {
      kept = 1;
    } else {
      collector.draining = true;
    }
  }
  if (needed_in_all == 0 && kept == 0) add("", false);
  std::erase_if(keys_, [](const auto& entry) { return entry.second.vms == 0; });
  assign();
}

bool Balancer::finish_drain(uint32_t id) {
  const auto at = collectors_.find(id);
  if (at == collectors_.end() || !at->second.draining) return false;
  std::vector<VmId>& vms = at->second.vms;
  while (!vms.empty()) {
    const VmId vm = vms.back();
    Tag& tag = tags_.at(static_cast<uint32_t>(vm));
    untag(tag);
    keys_.find(tag.key)->second.waiting.push_back(vm);
  }
  collectors_.erase(at);
  assign();
  return true;
}

Result<uint32_t> Balancer::start_by_hand() {
  const auto started = std::ranges::count_if(collectors_, [](const auto& entry) { return entry.second.by_hand; });
  if (static_cast<size_t>(started) >= kStartedMax) {
    return fail(ErrorCode::kResourceExhausted, "{} collectors were started by hand; that is the limit", kStartedMax);
  }
  const uint32_t id = add("", true).id;
  assign();
  return id;
}

Result<> Balancer::stop(uint32_t id) {
  const auto at = collectors_.find(id);
  if (at == collectors_.end()) return fail(ErrorCode::kNotFound, "collector {} is not there", id);
  at->second.draining = true;
  return {};
}

const Balancer::Collector* Balancer::collector_of(VmId vm) const {
  const auto at = tags_.find(static_cast<uint32_t>(vm));
  return at == tags_.end() ? nullptr : at->second.collector;
}

size_t Balancer::waiting() const {
  size_t tagged = 0;
  for (const auto& [id, collector] : collectors_) tagged += collector.vms.size();
  return tags_.size() - tagged;
}

}  // namespace dragonfly
