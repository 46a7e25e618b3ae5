#include "fleet/access/rate_limiter.h"

#include <gtest/gtest.h>

namespace dragonfly {
namespace {

const MonotonicTime kStart{Duration(1h)};

int taken(RateLimiter& limiter, const std::string& client, int tries, MonotonicTime now) {
  int count = 0;
  for (int i = 0; i < tries; ++i) count += limiter.take(client, now) ? 1 : 0;
  return count;
}

TEST(RateLimiter, GivesABurstAndThenSoMuchASecond) {
  RateLimiter limiter(10, 20);
  EXPECT_TRUE(limiter.has("a", kStart));
  EXPECT_EQ(taken(limiter, "a", 100, kStart), 20);
  EXPECT_FALSE(limiter.has("a", kStart));
  EXPECT_EQ(taken(limiter, "b", 100, kStart), 20);  // Of its own.
  EXPECT_EQ(taken(limiter, "a", 100, kStart + 500ms), 5);
  EXPECT_EQ(taken(limiter, "a", 100, kStart + 1h), 20);
}

TEST(RateLimiter, ForgetsTheQuietFirst) {
  RateLimiter limiter(1, 2);
  taken(limiter, "busy", 100, kStart + 10s);
  for (size_t i = 1; i < RateLimiter::kClientsMax; ++i) limiter.take(std::to_string(i), kStart);
  EXPECT_TRUE(limiter.take("one more", kStart + 10s));
  EXPECT_FALSE(limiter.has("busy", kStart + 10s));
}

}  // namespace
}  // namespace dragonfly
