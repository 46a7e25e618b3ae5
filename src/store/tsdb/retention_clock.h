// RetentionClock: the time by which old data is dropped. A wall clock that stepped forward is believed after an hour that
// it and the monotonic clock agreed on; one that stepped back is believed at once, as that drops nothing.
//
// Units      ns.
// Ownership  a value.
// Threading  one thread.
// Errors     none.
// Limits     none.
#pragma once

#include <optional>

#include "base/core/time.h"

namespace dragonfly {

class RetentionClock {
 public:
  static constexpr Duration kHold = std::chrono::hours(1);
  static constexpr Duration kTolerance = std::chrono::minutes(1);

  // Begins with what an earlier run believed; without it the first time is held, too.
  explicit RetentionClock(std::optional<Timestamp> believed = std::nullopt) : believed_(believed) {}
  // Called every some seconds; what to believe now. Nullopt = nothing yet.
  std::optional<Timestamp> look(Timestamp wall, MonotonicTime now) {
    const Duration elapsed = last_ ? now - *last_ : Duration::zero();
    last_ = now;
    if (believed_) *believed_ += elapsed;
    if (candidate_) *candidate_ += elapsed;
    if (believed_ && wall <= *believed_ + kTolerance) {
      believed_ = wall;
      candidate_.reset();
      return believed_;
    }
    if (!candidate_ || wall > *candidate_ + kTolerance) {
      candidate_ = wall;
      since_ = now;
    }
    candidate_ = std::min(*candidate_, wall);
    if (now - since_ >= kHold) {
      believed_ = candidate_;
      candidate_.reset();
    }
    return believed_;
  }

 private:
  std::optional<Timestamp> believed_;
  std::optional<Timestamp> candidate_;  // Ahead of what is believed, since …
  MonotonicTime since_{};
  std::optional<MonotonicTime> last_;
};

}  // namespace dragonfly
