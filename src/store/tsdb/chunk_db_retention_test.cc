// Retention of each tier: what is old goes, what is younger stays, and a wrong clock drops nothing.
#include <gmock/gmock.h>

#include "store/tsdb/store_fixture.h"

namespace dragonfly {
namespace {

constexpr int64_t kHourS = 3600;
const Timestamp kMidnight = parse_rfc3339("2026-01-31T00:00:00Z").value();

TEST(RetentionClock, BelievesAStepForwardAfterAnHour) {
  RetentionClock clock(kMidnight);
  MonotonicTime mono{};
  Timestamp wall = kMidnight;
  const auto f = [&](Duration passed, Duration step, Duration want) {
    mono += passed;
    wall += passed + step;
    EXPECT_EQ(clock.look(wall, mono).value() - kMidnight, want);
  };
  f(0s, 0s, 0s);
  f(10s, 0s, 10s);
  f(10s, 5min, 20s);                       // A step of five minutes,
  f(10s, -5min, 30s);                      // back,
  f(10s, std::chrono::hours(87600), 40s);  // ten years ahead,
  f(59min, 0s, 59min + 40s);
  f(10s, -std::chrono::hours(87600), 59min + 50s);
  f(10s, 1h, 60min);
  f(59min, 0s, 119min);
  f(1min, 0s, 180min);  // The hour is confirmed.
  f(10s, -2h, 60min + 10s);
  f(10s, 2h, 60min + 20s);
  EXPECT_EQ(RetentionClock().look(wall, mono), std::nullopt);
}

class RetentionTest : public StoreFixture {
 protected:
  // Time passes; the store looks at it.
  size_t pass(Duration duration) {
    size_t dropped = 0;
    for (Duration passed{0}; passed < duration; passed += 1h) {
      clock.advance(1h);
      const auto now = db->drop_old();
      EXPECT_TRUE(now.has_value()) << now.error().message;
      dropped += now.value_or(0);
    }
    return dropped;
  }

  // A row of the memory group every 30 s: few enough that minutes are made only when the rows go.
  void add_rows(int64_t hours) {
    SealedRows rows{VmId{1}, GroupId::kMemory, "", ColumnSet::for_group(GroupId::kMemory), false};
    const size_t counter = 12;
    for (int64_t s = 0; s < hours * kHourS; s += 30) {
      std::vector<std::optional<Value>> values(counter + 1);
      values[0] = Value::of(static_cast<double>(s % 97));
      values[counter] = Value{rows.rows.columns[counter].type, static_cast<uint64_t>(s)};
      add_row(rows.rows, unix_ns(kMidnight) + s * kSecondNs, 1, values);
    }
    ASSERT_TRUE(append({std::move(rows)}).has_value());
    ASSERT_TRUE(db->merge_all().has_value());
  }

  std::string rollups(Duration period, int64_t hours) {
    RollupRequest request;
    request.vms = {VmId{1}};
    request.group = GroupId::kMemory;
    request.fields = {0, 12};
    request.range = {kMidnight, kMidnight + std::chrono::hours(hours)};
    request.period = period;
    const auto answer = read_rollups_and_wait(*db, request, std::chrono::seconds(30));
    EXPECT_TRUE(answer.has_value());
    size_t rows = 0;
    uint64_t gauges = 0;
    uint64_t rates = 0;
    for (const auto& series : answer->series) {
      rows += series.rows.rows();
      for (const uint64_t count : series.rows.columns[0].bits) gauges += count;
      for (const uint64_t count : series.rows.columns[5].bits) rates += count;
    }
    return fmt::format("{} rollups of {} values and {} rates{}", rows, gauges, rates,
                       answer->uncovered.empty() ? "" : ", rows");
  }
};

TEST_F(RetentionTest, EachTierByItself) {
  clock.set_wall(kMidnight + 13h);
  open();
  db->set_retention(
      {.raw = 24h, .minutes = 96h, .hours = std::chrono::hours(40 * 24), .days = std::chrono::hours(900 * 24)});
  add_rows(12);
  EXPECT_EQ(rollups(1min, 12), "0 rollups of 0 values and 0 rates, rows");
  EXPECT_EQ(pass(12h), 0u);  // 01:00 of the next day.
  EXPECT_EQ(pass(24h), 2u);  // Both partitions of raw rows.
  EXPECT_EQ(rows_of(1, GroupId::kMemory).rows(), 0u);
  // Their minutes were made before, also across the border of the partitions.
  EXPECT_EQ(rollups(1min, 12), "720 rollups of 1440 values and 1439 rates");
  open();
  EXPECT_EQ(rollups(1min, 12), "720 rollups of 1440 values and 1439 rates");
  EXPECT_EQ(rollups(1h, 12), "12 rollups of 1440 values and 1439 rates");
  db->set_retention(
      {.raw = 24h, .minutes = 24h, .hours = std::chrono::hours(40 * 24), .days = std::chrono::hours(900 * 24)});
  EXPECT_EQ(pass(24h), 1u);  // Changed while it runs.
  EXPECT_EQ(rollups(1h, 12), "12 rollups of 1440 values and 1439 rates");
  EXPECT_EQ(rollups(24h, 24), "1 rollups of 1440 values and 1439 rates");
}

TEST_F(RetentionTest, AWrongClockDropsNothing) {
  clock.set_wall(kMidnight + 13h);
  open();
  add_rows(1);
  EXPECT_EQ(pass(2h), 0u);
  const Timestamp right = clock.wall();
  clock.set_wall(right + std::chrono::hours(87600));
  EXPECT_EQ(db->drop_old().value(), 0u);
  open();  // Started again meanwhile.
  EXPECT_EQ(db->drop_old().value(), 0u);
  clock.set_wall(right);
  EXPECT_EQ(pass(3h), 0u);
  EXPECT_EQ(rows_of(1, GroupId::kMemory).rows(), 120u);
}

}  // namespace
}  // namespace dragonfly
