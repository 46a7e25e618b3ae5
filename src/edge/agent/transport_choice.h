// TransportChoice: whether an agent's frames go by UDP or by HTTPS. UDP is what it begins with and comes back to.
//
// Units      monotonic ns.
// Ownership  a value.
// Threading  one thread.
// Errors     none.
// Limits     kGivenUpAfter of silence and HTTPS takes over; by UDP it is tried every kTriedEvery then.
#pragma once

#include <optional>

#include "base/core/time.h"

namespace dragonfly {

class TransportChoice {
 public:
  static constexpr Duration kGivenUpAfter = 15s;
  static constexpr Duration kTriedEvery = 60s;

  // `unanswered_since`: of the oldest frame without an answer. Returns true where that changes the choice.
  bool update(std::optional<MonotonicTime> unanswered_since, MonotonicTime now) {
    if (by_https_ || !unanswered_since || now - *unanswered_since < kGivenUpAfter) return false;
    by_https_ = true;
    since_ = now;
    next_try_ = now + kTriedEvery;
    return true;
  }
  // Whether to try now whether UDP gets through again.
  bool is_try_due(MonotonicTime now) {
    if (!by_https_ || now < next_try_) return false;
    next_try_ = now + kTriedEvery;
    return true;
  }
  // Something that the server sealed came by UDP. Returns true where that changes the choice.
  bool answered_by_udp() { return std::exchange(by_https_, false); }
  bool by_https() const { return by_https_; }
  MonotonicTime since() const { return since_; }

 private:
  bool by_https_ = false;
  MonotonicTime since_{};
  MonotonicTime next_try_{};
};

}  // namespace dragonfly
