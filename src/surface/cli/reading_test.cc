#include "surface/cli/reading.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace dragonfly {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kMax = std::numeric_limits<double>::max();

TEST(Reading, NumbersAreShort) {
  const auto f = [](double value, std::string_view want) { EXPECT_EQ(short_number(value), want); };
  f(0, "0");
  f(-0.0, "0");
  f(-0.001, "0");
  f(0.005, "0.01");
  f(1, "1");
  f(1.5, "1.5");
  f(-1.25, "-1.25");
  f(99.999, "100");
  f(123.45, "123.5");
  f(100, "100");
  f(999.96, "1000");
  f(1234.5678, "1235");
  f(1200, "1200");
  f(1e15, "1e+15");
  f(-2.5e18, "-2.5e+18");
  f(NAN, "-");
  f(kInfinity, "-");
}

TEST(Reading, UnitsFitTheNumber) {
  const auto f = [](double value, std::string_view unit, std::string_view want) {
    const Reading reading = readable(value, unit);
    EXPECT_EQ(reading.value + " " + reading.unit, want) << value << " " << unit;
  };
  f(4194304, "bytes", "4 MiB");
  f(1023, "bytes", "1023 B");
  f(1024, "bytes", "1 KiB");
  f(1048575.9, "bytes", "1 MiB");
  f(0, "bytes", "0 B");
  f(-2048, "bytes", "-2 KiB");
  f(2, "kilobytes", "2 KiB");
  f(1536, "kilobytes/s", "1.5 MiB/s");
  f(std::pow(1024.0, 6), "bytes", "1024 PiB");
  f(NAN, "bytes", "- B");
  f(12.5, "percent", "12.5 %");
  f(3, "count", "3 ");
  f(3, "operations/s", "3 ops/s");
  f(250, "milliseconds/s", "250 ms/s");
  f(7, "furlongs", "7 furlongs");
  f(7, "furlongs/s", "7 furlongs/s");
  f(7, "", "7 ");
}

TEST(Reading, CountersAreAnsweredAsRates) {
  const auto f = [](std::string_view name, std::string_view want) {
    EXPECT_EQ(answer_unit(find_metric(name)), want) << name;
  };
  f("cpu_utilization", "percent");
  f("bytes_in", "bytes/s");
  f("nothing_of_ours", "");
}

TEST(Reading, EveryUnitOfTheCatalogueHasAShortForm) {
  for (const Metric& metric : catalogue()) {
    EXPECT_LE(readable(1, answer_unit(&metric)).unit.size(), 6u) << metric.name << ": " << metric.unit;
  }
}

TEST(Sparkline, HasACharacterForEachValue) {
  const auto f = [](const std::vector<std::optional<double>>& values, std::string_view want) {
    EXPECT_EQ(sparkline(values), want);
  };
  f({}, "");
  f({5}, "▁");
  f({5, 5, 5}, "▁▁▁");
  f({0, 1}, "▁█");
  f({0, 1, 2, 3, 4, 5, 6, 7}, "▁▂▃▄▅▆▇█");
  f({7, 0}, "█▁");
  f({-1, 0, 1}, "▁▅█");
  f({std::nullopt}, " ");
  f({std::nullopt, 1, std::nullopt, 2}, " ▁ █");
  f({NAN}, " ");
  f({1, NAN, 2}, "▁ █");
  f({1, kInfinity, 2, -kInfinity}, "▁ █ ");
  f({-kMax, 0, kMax}, "▁▅█");
  f({0, std::numeric_limits<double>::denorm_min()}, "▁▁");
}

}  // namespace
}  // namespace dragonfly
