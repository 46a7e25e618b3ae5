#include "storage_figures.h"

#include <gtest/gtest.h>

namespace dragonfly {
namespace {

MonotonicTime minute(int64_t n) { return MonotonicTime(std::chrono::minutes(n)); }

TEST(GrowthWindow, SaysNothingBeforeItKnows) {
  GrowthWindow growth;
  EXPECT_FALSE(growth.bytes_a_day());
  growth.add(minute(0), 0, 0);
  growth.add(minute(59), 1000, 10);
  EXPECT_FALSE(growth.bytes_a_day());
  EXPECT_FALSE(growth.bytes_a_row());
  growth.add(minute(60), 1000, 10);
  EXPECT_DOUBLE_EQ(*growth.bytes_a_day(), 24'000);
  EXPECT_DOUBLE_EQ(*growth.bytes_a_row(), 100);
}

TEST(GrowthWindow, ForgetsWhatIsOlderThanADay) {
  GrowthWindow growth;
  growth.add(minute(0), 1'000'000'000, 0);
  for (int64_t i = 1; i <= 24 * 60; ++i) growth.add(minute(i), static_cast<uint64_t>(i) * 10, 5);
  EXPECT_NEAR(*growth.bytes_a_day(), 14'400, 1e-6);
  EXPECT_FALSE(growth.bytes_a_row());  // No row came.
}

TEST(GrowthWindow, MayShrink) {
  GrowthWindow growth;
  growth.add(minute(0), 5000, 0);
  growth.add(minute(120), 1000, 100);
  EXPECT_LT(*growth.bytes_a_day(), 0);
}

}  // namespace
}  // namespace dragonfly
