// Clock: the one interface through which time enters.
//
// Units      see base/core/time.h.
// Ownership  passed by reference; outlives its users.
// Threading  every implementation may be called from any thread.
// Errors     none.
// Limits     wall() may jump either way; monotonic() never goes back and does not stop while the system is suspended
//            (CLOCK_BOOTTIME).
#pragma once

#include <atomic>

#include "base/core/time.h"

namespace dragonfly {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual Timestamp wall() const = 0;
  virtual MonotonicTime monotonic() const = 0;
};

class SystemClock final : public Clock {
 public:
  Timestamp wall() const override;
  MonotonicTime monotonic() const override;
};

// For tests: stands still until it is told.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(Timestamp start) : wall_ns_(unix_ns(start)) {}
  Timestamp wall() const override { return from_unix_ns(wall_ns_.load()); }
  MonotonicTime monotonic() const override { return MonotonicTime(Duration(monotonic_ns_.load())); }
  void advance(Duration by) {
    wall_ns_ += by.count();
    monotonic_ns_ += by.count();
  }
  // A step of the wall clock alone.
  void set_wall(Timestamp to) { wall_ns_ = unix_ns(to); }

 private:
  std::atomic<int64_t> wall_ns_;
  std::atomic<int64_t> monotonic_ns_{1'000'000'000};
};

}  // namespace dragonfly
