// FailBudget: how many datagrams that do not open a source may send before they are refused unread. One address may be a
// thousand agents behind NAT, so the budget counts failures only: 1000 at once, then 100 a second.
//
// Units      monotonic ns.
// Ownership  a small table by hash of the source's address (without the port).
// Threading  one shard.
// Errors     none.
// Limits     kSourcesMax sources; a full table forgets all of them (the budgets start anew).
#pragma once

#include <algorithm>
#include <unordered_map>

#include "base/core/time.h"

namespace dragonfly {

class FailBudget {
 public:
  static constexpr size_t kSourcesMax = 16'384;
  static constexpr double kBurst = 1000;
  static constexpr double kPerSecond = 100;

  bool exhausted(uint64_t source, MonotonicTime now) {
    if (sources_.empty()) return false;
    const auto at = sources_.find(source);
    if (at == sources_.end()) return false;
    refill(at->second, now);
    return at->second.left < 1;
  }
  void fail(uint64_t source, MonotonicTime now) {
    if (sources_.size() >= kSourcesMax && !sources_.contains(source)) sources_.clear();
    auto [at, fresh] = sources_.try_emplace(source, Account{kBurst, now});
    if (!fresh) refill(at->second, now);
    at->second.left -= 1;
    if (at->second.left < 0) at->second.left = 0;
  }

 private:
  struct Account {
    double left;
    MonotonicTime at;
  };
  static void refill(Account& account, MonotonicTime now) {
    account.left = std::min(kBurst, account.left + seconds(now - account.at) * kPerSecond);
    account.at = now;
  }
  std::unordered_map<uint64_t, Account> sources_;
};

}  // namespace dragonfly
