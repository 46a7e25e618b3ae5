#include "values.h"

#include <gtest/gtest.h>

#include <set>

namespace dragonfly {
namespace {

constexpr uint64_t kSeed = 42;

TickAt every_2s(uint64_t tick) { return {tick, static_cast<int64_t>(tick) * 2s, 2s}; }

double number(const TickRows& rows, std::string_view name) {
  const Metric* metric = find_metric(name);
  return rows[static_cast<size_t>(metric->group) - 1].values[metric->field]->as_double();
}

TEST(ValuesTest, AllMetricsArePresentInTheTypeOfTheirColumn) {
  TickRows rows;
  for (const uint64_t seed : {uint64_t{0}, kSeed, UINT64_MAX}) {
    for (const uint64_t tick : {uint64_t{0}, uint64_t{1}, uint64_t{1'000'000'000}}) {
      fill_tick(seed, every_2s(tick), from_unix_ms(1'700'000'000'000), rows);
      size_t present = 0;
      for (const Row& row : rows) {
        ASSERT_EQ(row.values.size(), metrics_of(row.group).size());
        for (const auto& value : row.values) present += value.has_value();
        Bytes fields;
        ByteWriter writer(fields);
        encode_fields(writer, row.values);
        EXPECT_TRUE(fields_are_valid(row.group, fields));
      }
      EXPECT_EQ(present, catalogue().size());
    }
  }
}

TEST(ValuesTest, CountersGrowAndGaugesArePlausible) {
  TickRows before;
  TickRows rows;
  for (uint64_t seed = 0; seed < 50; ++seed) {
    fill_tick(seed, every_2s(0), {}, before);
    for (uint64_t tick = 1; tick < 300; ++tick, before = rows) {
      fill_tick(seed, every_2s(tick), {}, rows);
      for (const Metric& metric : catalogue()) {
        const double value = number(rows, metric.name);
        if (metric.kind == MetricKind::kCounter) {
          EXPECT_GE(value, number(before, metric.name)) << metric.name;
        }
        if (metric.unit == "percent") {
          EXPECT_GE(value, 0) << metric.name;
          EXPECT_LE(value, 100) << metric.name;
        }
      }
      EXPECT_NEAR(number(rows, "cpu_utilization") + number(rows, "cpu_idle"), 100, 1e-9);
      EXPECT_EQ(number(rows, "mem_used") + number(rows, "mem_free") + number(rows, "mem_buffers") +
                    number(rows, "mem_cached"),
                number(rows, "mem_total"));
      EXPECT_EQ(number(rows, "disk_used") + number(rows, "disk_free"), number(rows, "disk_total"));
      EXPECT_EQ(number(rows, "uptime") - number(before, "uptime"), 2);
      EXPECT_GT(number(rows, "bytes_in"), number(before, "bytes_in"));
    }
  }
}

TEST(ValuesTest, AFunctionOfSeedAndTick) {
  TickRows a;
  TickRows b;
  fill_tick(kSeed, every_2s(7), {}, a);
  fill_tick(kSeed, every_2s(8), {}, b);
  EXPECT_NE(number(a, "cpu_utilization"), number(b, "cpu_utilization"));
  fill_tick(kSeed, every_2s(7), {}, b);
  for (size_t i = 0; i < a.size(); ++i) EXPECT_EQ(a[i].values, b[i].values);
  std::set<double> totals;
  for (uint64_t seed = 0; seed < 50; ++seed) {
    fill_tick(seed, every_2s(7), {}, a);
    totals.insert(number(a, "bytes_in"));
  }
  EXPECT_EQ(totals.size(), 50u);
}

}  // namespace
}  // namespace dragonfly
