#include "fleet/access/rate_limiter.h"

#include <algorithm>

namespace dragonfly {

double RateLimiter::left_of(const Bucket& bucket, MonotonicTime now) const {
  const double seconds = std::chrono::duration<double>(now - bucket.at).count();
  return std::min(burst_, bucket.left + std::max(0.0, seconds) * per_second_);
}

bool RateLimiter::take(const std::string& client, MonotonicTime now) {
  const std::lock_guard lock(mutex_);
  auto found = clients_.find(client);
  if (found == clients_.end()) {
    make_room(now);
    found = clients_.emplace(client, Bucket{burst_, now}).first;
  }
  Bucket& bucket = found->second;
  bucket = {left_of(bucket, now), now};
  if (bucket.left < 1) return false;
  bucket.left -= 1;
  return true;
}

bool RateLimiter::has(const std::string& client, MonotonicTime now) {
  const std::lock_guard lock(mutex_);
  const auto found = clients_.find(client);
  return found == clients_.end() || left_of(found->second, now) >= 1;
}

void RateLimiter::make_room(MonotonicTime now) {
  if (clients_.size() < kClientsMax) return;
  std::erase_if(clients_, [&](const auto& item) { return left_of(item.second, now) >= burst_; });
  if (clients_.size() >= kClientsMax) clients_.clear();
}

}  // namespace dragonfly
