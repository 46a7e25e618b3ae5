// TokenBucket: at most so many a second, with a burst of one and what comes in a fifth of a second.
//
// Units      tokens.
// Ownership  a value.
// Threading  one thread.
// Errors     none.
// Limits     1 to 1e6 a second.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/core/time.h"

namespace dragonfly {

class TokenBucket {
 public:
  TokenBucket(uint32_t per_s, MonotonicTime now)
      : period_(Duration(1s) / std::clamp<uint32_t>(per_s, 1, 1'000'000)),
        burst_(period_ + 200ms),
        paid_(now - burst_) {}

  bool take(MonotonicTime now) {
    if (now - paid_ > burst_) paid_ = now - burst_;
    if (now - paid_ < period_) return false;
    paid_ += period_;
    return true;
  }
  // When take() will succeed.
  MonotonicTime next() const { return paid_ + period_; }

 private:
  Duration period_;
  Duration burst_;
  MonotonicTime paid_;  // Tokens are used up to here.
};

}  // namespace dragonfly
