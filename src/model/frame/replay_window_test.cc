#include "model/frame/replay_window.h"

#include <gtest/gtest.h>

#include <set>

#include "base/rt/random.h"

namespace dragonfly {
namespace {

constexpr uint64_t kWidth = ReplayWindow::kWidth;

TEST(ReplayWindow, TakesEachNumberOnceAndNeverZero) {
  ReplayWindow window;
  const auto take = [&](uint64_t packet) {
    const bool is_new = window.is_new(packet);
    if (is_new) window.mark(packet);
    return is_new;
  };
  EXPECT_FALSE(take(0));
  EXPECT_TRUE(take(1));
  EXPECT_FALSE(take(1));
  EXPECT_TRUE(take(3));
  EXPECT_TRUE(take(2));
  EXPECT_FALSE(take(2));
  EXPECT_TRUE(take(3 + kWidth - 1));
  EXPECT_FALSE(take(3));  // Seen; the oldest that the window holds.
  EXPECT_TRUE(take(4));
  EXPECT_TRUE(take(3 + kWidth));
  EXPECT_FALSE(take(2));
  EXPECT_TRUE(take(~uint64_t{0}));
  EXPECT_FALSE(take(~uint64_t{0}));
  EXPECT_FALSE(take(3 + kWidth + 1));
  EXPECT_TRUE(take(~uint64_t{0} - kWidth + 1));
  EXPECT_FALSE(take(~uint64_t{0} - kWidth));
}

TEST(ReplayWindow, IsClosedUpToANumber) {
  ReplayWindow window;
  window.close_below(5000);
  EXPECT_EQ(window.highest(), 5000u);
  for (uint64_t packet = 0; packet <= 5000; ++packet) EXPECT_FALSE(window.is_new(packet)) << packet;
  EXPECT_TRUE(window.is_new(5001));
  window.mark(5003);
  EXPECT_TRUE(window.is_new(5001));
  EXPECT_TRUE(window.is_new(5002));
  window.close_below(5001);  // Below what was seen: closes, opens nothing.
  EXPECT_FALSE(window.is_new(5001));
  EXPECT_TRUE(window.is_new(5002));
  EXPECT_FALSE(window.is_new(5003));
  window.close_below(10);
  EXPECT_TRUE(window.is_new(5002));
  EXPECT_EQ(window.highest(), 5003u);
}

TEST(ReplayWindow, MarkingWhatIsTooOldDoesNotTouchNewerNumbers) {
  ReplayWindow window;
  window.mark(kWidth + 5);
  window.mark(4);  // Shares its place with kWidth + 4.
  window.mark(0);  // With kWidth.
  EXPECT_TRUE(window.is_new(kWidth + 4));
  EXPECT_TRUE(window.is_new(kWidth));
}

// Against a plain set of all that was taken.
TEST(ReplayWindowProperty, AgreesWithASet) {
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE(seed);
    SeededRandom random(seed);
    ReplayWindow window;
    std::set<uint64_t> seen;
    uint64_t highest = 0;
    for (int i = 0; i < 3000; ++i) {
      const uint64_t step = random.below(20) == 0 ? 1500 : 8;
      const uint64_t packet = highest + random.below(step) - std::min(highest, random.below(i % 3 == 0 ? 1200 : 4));
      const bool expected = packet > 0 && (packet > highest || highest - packet < kWidth) && !seen.contains(packet);
      ASSERT_EQ(window.is_new(packet), expected) << packet << " after " << highest;
      if (!expected) continue;
      window.mark(packet);
      seen.insert(packet);
      highest = std::max(highest, packet);
      ASSERT_EQ(window.highest(), highest);
    }
  }
}

}  // namespace
}  // namespace dragonfly
