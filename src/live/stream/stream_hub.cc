#include "live/stream/stream_hub.h"

namespace dragonfly {
namespace {

bool matches(const RowFilter& filter, const RowEvent& event) {
  const auto fits = [](const std::string& wanted, std::string_view is) { return wanted.empty() || wanted == is; };
  return fits(filter.ns, event.vm->identity.ns) && fits(filter.mcis, event.vm->identity.mcis) &&
         fits(filter.vm, event.vm->identity.vm) && fits(filter.group, group_name(event.group)) &&
         (filter.devices || event.device.empty());
}

}  // namespace

class StreamHub::Entry final : public RowFeed::Subscription {
 public:
  Entry(StreamHub& hub, uint64_t id) : hub_(hub), id_(id) {}
  ~Entry() override { hub_.remove(id_); }

 private:
  StreamHub& hub_;
  const uint64_t id_;
};

Result<std::unique_ptr<RowFeed::Subscription>> StreamHub::subscribe(RowFilter filter, Listener listener) {
  const std::lock_guard lock(mutex_);
  if (slots_.size() >= kSubscriptionsMax) {
    return fail(ErrorCode::kResourceExhausted, "{} streams are open; that is the limit", kSubscriptionsMax);
  }
  const uint64_t id = next_id_++;
  slots_.emplace(id, Slot{std::move(filter), std::move(listener)});
  count_.store(slots_.size(), std::memory_order_relaxed);
  return std::make_unique<Entry>(*this, id);
}

void StreamHub::publish(const std::shared_ptr<const RowEvent>& event) {
  const std::lock_guard lock(mutex_);
  for (const auto& [id, slot] : slots_) {
    if (matches(slot.filter, *event)) slot.listener(event);
  }
}

void StreamHub::remove(uint64_t id) {
  const std::lock_guard lock(mutex_);
  slots_.erase(id);
  count_.store(slots_.size(), std::memory_order_relaxed);
}

}  // namespace dragonfly
