// RowFeed: rows as they arrive, for whoever watches.
//
// Units      ns.
// Ownership  an event is shared and immutable; a Subscription ends it when it dies (no call after that returns).
// Threading  subscribe(): any thread. The listener runs on a shard's thread and must only pass on, without blocking.
// Errors     kResourceExhausted: too many subscriptions; the message names the limit.
// Limits     kSubscriptionsMax.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/core/bytes.h"
#include "base/core/result.h"
#include "model/flow/vm.h"
#include "model/row/row.h"

namespace dragonfly {

struct RowEvent {
  const VmEntry* vm;
  GroupId group;
  std::string device;
  Timestamp time;
  uint64_t boot;
  Bytes fields;  // row.h
};

struct RowFilter {  // Empty = any.
  std::string ns;
  std::string mcis;
  std::string vm;
  std::string group;     // Name of a catalogue group.
  bool devices = false;  // Also rows of devices.
};

class RowFeed {
 public:
  static constexpr size_t kSubscriptionsMax = 256;
  using Listener = std::function<void(const std::shared_ptr<const RowEvent>&)>;
  class Subscription {
   public:
    virtual ~Subscription() = default;
  };
  virtual ~RowFeed() = default;
  virtual Result<std::unique_ptr<Subscription>> subscribe(RowFilter filter, Listener listener) = 0;
};

}  // namespace dragonfly
