// Mailbox<T>: messages to the one thread that owns some state.
//
// Units      capacity in messages.
// Ownership  messages are moved in and moved out.
// Threading  push(): any thread. drain() and wakeup(): the owning thread. A short critical section around a vector
//            push; the owner swaps the whole vector out, so it holds the lock once a turn.
// Errors     push() returns false when full or closed; the message is then unchanged and the sender decides (and counts).
// Limits     `capacity` messages.
#pragma once

#include <cstddef>
#include <mutex>
#include <utility>
#include <vector>

#include "base/rt/wakeup.h"

namespace dragonfly {

template <class T>
class Mailbox {
 public:
  explicit Mailbox(size_t capacity) : capacity_(capacity) {}

  [[nodiscard]] bool push(T&& message) {
    bool first = false;
    {
      const std::lock_guard lock(mutex_);
      if (closed_ || messages_.size() >= capacity_) return false;
      first = messages_.empty();
      messages_.push_back(std::move(message));
    }
    if (first) wakeup_.signal();
    return true;
  }

  // Moves everything that waits into `out` (cleared first), oldest first.
  void drain(std::vector<T>& out) {
    out.clear();
    wakeup_.clear();
    const std::lock_guard lock(mutex_);
    std::swap(out, messages_);
  }

  // From now on push() returns false; what waits can still be drained.
  void close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }

  Wakeup& wakeup() { return wakeup_; }

 private:
  const size_t capacity_;
  std::mutex mutex_;
  std::vector<T> messages_;
  bool closed_ = false;
  Wakeup wakeup_;
};

}  // namespace dragonfly
