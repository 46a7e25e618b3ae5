// RateLimiter: so much a second for each client, with a burst; clients that are quiet are forgotten.
//
// Units      events; events a second.
// Ownership  owns its counts.
// Threading  any thread: a mutex held for one look-up.
// Errors     none.
// Limits     kClientsMax; beyond them those who are quiet are forgotten, and where none is, everybody.
#pragma once

#include <mutex>
#include <string>
#include <unordered_map>

#include "base/core/time.h"

namespace dragonfly {

class RateLimiter {
 public:
  static constexpr size_t kClientsMax = 65'536;
  // `burst` >= 1.
  RateLimiter(double per_second, double burst) : per_second_(per_second), burst_(burst) {}
  // Takes one where there is one.
  bool take(const std::string& client, MonotonicTime now);
  // Whether there is one, without taking it.
  bool has(const std::string& client, MonotonicTime now);

 private:
  struct Bucket {
    double left;
    MonotonicTime at;
  };
  double left_of(const Bucket& bucket, MonotonicTime now) const;
  void make_room(MonotonicTime now);
  const double per_second_;
  const double burst_;
  std::mutex mutex_;  // Of the map: requests are decided on any worker.
  std::unordered_map<std::string, Bucket> clients_;
};

}  // namespace dragonfly
