// DamageBook: what of the store is not served, for people.
//
// Units      none.
// Ownership  values; borrows the clock.
// Threading  any thread.
// Errors     none.
// Limits     kLinesMax lines, the newest; log lines one in ten seconds.
#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "base/obs/log.h"
#include "base/rt/clock.h"

namespace dragonfly {

class DamageBook {
 public:
  static constexpr size_t kLinesMax = 32;
  explicit DamageBook(const Clock& clock) : clock_(clock) {}
  // Also into `missing`, unless that is null or full.
  void tell(std::string text, std::vector<std::string>* missing = nullptr);
  std::vector<std::string> lines() const;

 private:
  const Clock& clock_;
  RateLimit log_{std::chrono::seconds(10)};
  mutable std::mutex mutex_;  // Readers, writer and merger tell.
  std::vector<std::string> lines_;
};

}  // namespace dragonfly
