#include "edge/agent/tick_schedule.h"

#include <gtest/gtest.h>

#include <set>

#include "base/rt/random.h"

namespace dragonfly {
namespace {

constexpr int64_t kStart = 1'800'000'000'000;

TEST(TickSchedule, AFixedPhaseOfTheAgentInWholeMilliseconds) {
  std::set<int64_t> phases;
  for (uint64_t id = 1; id <= 50; ++id) {
    TickSchedule schedule(id, 2s);
    TickSchedule again(id, 2s);
    Timestamp wall = from_unix_ms(kStart);
    schedule.due(wall);
    again.due(wall);
    wall += schedule.until_next(wall);
    const auto tick = schedule.due(wall);
    ASSERT_TRUE(tick.has_value());
    EXPECT_EQ(tick, again.due(wall));
    EXPECT_EQ(*tick, wall);
    EXPECT_FALSE(schedule.due(wall + 1ms).has_value());
    phases.insert(unix_ms(*tick) % 2000);
  }
  EXPECT_GT(phases.size(), 40u);
}

TEST(TickSchedule, TicksOfAClockThatRunsEvenly) {
  TickSchedule schedule(7, 100ms);
  Timestamp wall = from_unix_ms(kStart);
  const Timestamp first = schedule.first(wall);
  EXPECT_EQ(first, wall);
  std::vector<Timestamp> ticks;
  for (int i = 0; i < 1000; ++i) {
    wall += schedule.until_next(wall) + Duration(300'000);  // Woken a little late.
    if (const auto tick = schedule.due(wall)) ticks.push_back(*tick);
  }
  ASSERT_EQ(ticks.size(), 1000u);
  for (size_t i = 1; i < ticks.size(); ++i) EXPECT_EQ(ticks[i] - ticks[i - 1], Duration(100ms));
}

TEST(TickSchedule, AJumpAheadGivesNoBurst) {
  TickSchedule schedule(7, 2s);
  Timestamp wall = from_unix_ms(kStart);
  schedule.first(wall);
  wall += 1h;
  int ticks = 0;
  const Timestamp end = wall + 10s;
  while (wall < end) {
    if (const auto tick = schedule.due(wall)) {
      ++ticks;
      EXPECT_LE(wall - *tick, 1s);
    }
    wall += std::max<Duration>(schedule.until_next(wall), 1ms);
  }
  EXPECT_GE(ticks, 4);
  EXPECT_LE(ticks, 6);
}

TEST(TickSchedule, AnotherIntervalBeginsWithTheNextSlotOfItsGrid) {
  const auto f = [](Duration from, Duration to) {
    for (uint64_t id = 1; id <= 40; ++id) {
      SCOPED_TRACE(id);
      TickSchedule schedule(id, from);
      TickSchedule grid(id, to);
      Timestamp wall = from_unix_ms(kStart);
      std::set<Timestamp> times = {schedule.first(wall)};
      wall += schedule.until_next(wall);
      times.insert(*schedule.due(wall));
      wall += from / 3;
      schedule.set_interval(to, wall);
      EXPECT_FALSE(schedule.due(wall).has_value()) << "what lies behind is not measured now";
      const Timestamp changed = wall;
      for (int i = 0; i < 5; ++i) {
        wall += schedule.until_next(wall);
        const auto tick = schedule.due(wall);
        ASSERT_TRUE(tick.has_value());
        EXPECT_EQ(*tick, wall);
        EXPECT_TRUE(times.insert(*tick).second);
        EXPECT_LE(*tick - changed, (i + 1) * to);
        grid.due(*tick - to);
        EXPECT_EQ(grid.due(*tick), tick) << "the phase of the agent's own";
      }
    }
  };
  f(2s, 4s);
  f(4s, 1s);
  f(1s, 1s);
  f(100ms, 1h);
  f(1h, 100ms);
}

// Whatever the wall clock does, no time comes twice, and it never takes more than two intervals to the next tick.
TEST(TickSchedule, RandomStepsOfTheWallClock) {
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE(seed);
    SeededRandom random(seed);
    TickSchedule schedule(seed, 2s);
    Timestamp wall = from_unix_ms(kStart);
    std::set<Timestamp> times = {schedule.first(wall)};
    Duration since{};
    for (int i = 0; i < 20'000; ++i) {
      if (const auto tick = schedule.due(wall)) {
        EXPECT_TRUE(times.insert(*tick).second) << unix_ms(*tick);
        EXPECT_LE(wall - *tick, 1s);
        since = {};
      }
      const Duration wait = std::max<Duration>(schedule.until_next(wall), 1ms);
      EXPECT_LE(wait, 2s);
      wall += wait;
      since += wait;
      EXPECT_LE(since, 4s);
      if (random.below(50) == 0) {
        wall += Duration(1ms) * (static_cast<int64_t>(random.below(7'200'000)) - 3'600'000);
        since = {};
      }
    }
  }
}

}  // namespace
}  // namespace dragonfly
