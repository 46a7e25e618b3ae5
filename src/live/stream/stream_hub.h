// StreamHub: the RowFeed of a server. Heads publish each row that they take; subscriptions get those that they asked for.
//
// Units      ns.
// Ownership  a subscription must not outlive the hub.
// Threading  subscribe() and the end of a subscription: any thread. publish(): shard threads. When nobody subscribes,
//            publish costs one relaxed load; callers test wanted() before they make an event.
// Errors     as RowFeed.
// Limits     RowFeed::kSubscriptionsMax.
//
// The mutex stands here, outside base/, because shards publish and HTTP threads subscribe: it guards the list of
// listeners, and holding it during a call is what makes the end of a subscription final.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>

#include "model/flow/row_feed.h"

namespace dragonfly {

class StreamHub final : public RowFeed {
 public:
  Result<std::unique_ptr<Subscription>> subscribe(RowFilter filter, Listener listener) override;
  bool wanted() const { return count_.load(std::memory_order_relaxed) > 0; }
  void publish(const std::shared_ptr<const RowEvent>& event);

 private:
  class Entry;
  struct Slot {
    RowFilter filter;
    Listener listener;
  };
  void remove(uint64_t id);
  std::atomic<size_t> count_{0};
  std::mutex mutex_;
  std::map<uint64_t, Slot> slots_;
  uint64_t next_id_ = 1;
};

}  // namespace dragonfly
