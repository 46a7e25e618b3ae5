#include "query/statistics/statistics.h"

#include <gmock/gmock.h>

#include <cmath>
#include <map>

#include "base/rt/random.h"
#include "query/statistics/test_rows.h"

namespace dragonfly {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr MetricKind kGauge[] = {MetricKind::kGauge};
constexpr MetricKind kCounter[] = {MetricKind::kCounter};
const TimeRange kAll = between_s(-1e6, 1e6);

Value u(uint64_t v) { return Value::of(v); }
Value d(double v) { return Value::of(v); }

std::string show(const std::vector<Bucket>& buckets) {
  std::string out;
  for (const Bucket& bucket : buckets) {
    out += fmt::format("{}{}:", out.empty() ? "" : " ", seconds(bucket.start - kStart));
    for (const auto& value : bucket.fields) out += value ? fmt::format(" {}", *value) : std::string(" -");
  }
  return out;
}

// One column in buckets of ten seconds; kStart is a multiple of them.
std::string gauge(Statistic statistic, const std::vector<TestRow>& rows, ValueType type = ValueType::kFloat64) {
  return show(bucketize(rows_of_types({type}, rows), kGauge, statistic, 10s, kAll));
}
std::string counter(Statistic statistic, const std::vector<TestRow>& rows, ValueType type = ValueType::kUint64) {
  return show(bucketize(rows_of_types({type}, rows), kCounter, statistic, 10s, kAll));
}

TEST(Statistics, Names) {
  for (const auto name : {"avg", "min", "max", "last", "sum", "count", "p95"})
    EXPECT_EQ(to_string(find_statistic(name).value()), name);
  for (const auto name : {"", "AVG", "mean", "p99"}) EXPECT_EQ(find_statistic(name), std::nullopt);
}

TEST(Statistics, FloorsTowardsThePast) {
  const auto f = [](int64_t ns, int64_t step) { return unix_ns(floor_to(from_unix_ns(ns), Duration(step))); };
  EXPECT_EQ(f(0, 10), 0);
  EXPECT_EQ(f(9, 10), 0);
  EXPECT_EQ(f(10, 10), 10);
  EXPECT_EQ(f(-1, 10), -10);
  EXPECT_EQ(f(-10, 10), -10);
}

TEST(Statistics, Gauges) {
  const std::vector<TestRow> rows{{0, 1, {d(3)}}, {4, 1, {d(1)}}, {9.5, 1, {d(2)}}, {10, 1, {d(7)}}};
  EXPECT_EQ(gauge(Statistic::kAvg, rows), "0: 2 10: 7");
  EXPECT_EQ(gauge(Statistic::kMin, rows), "0: 1 10: 7");
  EXPECT_EQ(gauge(Statistic::kMax, rows), "0: 3 10: 7");
  EXPECT_EQ(gauge(Statistic::kLast, rows), "0: 2 10: 7");
  EXPECT_EQ(gauge(Statistic::kSum, rows), "0: 6 10: 7");
  EXPECT_EQ(gauge(Statistic::kCount, rows), "0: 3 10: 1");
  EXPECT_EQ(gauge(Statistic::kP95, rows), "0: 3 10: 7");
}

TEST(Statistics, AverageIsNotOneSample) {
  std::vector<TestRow> rows;
  for (int i = 0; i < 10; ++i) rows.push_back({static_cast<double>(i), 1, {d(i)}});
  EXPECT_EQ(gauge(Statistic::kAvg, rows), "0: 4.5");
}

TEST(Statistics, AGapIsAbsentAndNeverZero) {
  EXPECT_EQ(gauge(Statistic::kAvg, {{1, 1, {d(5)}}, {31, 1, {d(6)}}}), "0: 5 30: 6");
  EXPECT_EQ(gauge(Statistic::kSum, {{1, 1, {std::nullopt}}, {12, 1, {d(0)}}}), "10: 0");
  EXPECT_EQ(gauge(Statistic::kCount, {{1, 1, {std::nullopt}}}), "");
  EXPECT_EQ(gauge(Statistic::kAvg, {}), "");
}

TEST(Statistics, NotANumberIsNoSample) {
  EXPECT_EQ(gauge(Statistic::kAvg, {{1, 1, {d(NAN)}}, {2, 1, {d(4)}}, {3, 1, {d(INFINITY)}}}), "0: 4");
  EXPECT_EQ(gauge(Statistic::kAvg, {{1, 1, {d(NAN)}}}), "");
}

TEST(Statistics, BoolsAndIntegers) {
  EXPECT_EQ(gauge(Statistic::kAvg, {{1, 1, {Value::of(true)}}, {2, 1, {Value::of(false)}}}, ValueType::kBool),
            "0: 0.5");
  EXPECT_EQ(
      gauge(Statistic::kMin, {{1, 1, {Value::of(int64_t{-3})}}, {2, 1, {Value::of(int64_t{2})}}}, ValueType::kInt64),
      "0: -3");
}

TEST(Statistics, NearestRank) {
  const auto f = [](int values) {
    std::vector<TestRow> rows;
    for (int i = values; i >= 1; --i) rows.push_back({(values - i) * 0.01, 1, {d(i)}});
    return gauge(Statistic::kP95, rows);
  };
  EXPECT_EQ(f(1), "0: 1");
  EXPECT_EQ(f(19), "0: 19");
  EXPECT_EQ(f(20), "0: 19");
  EXPECT_EQ(f(21), "0: 20");
  EXPECT_EQ(f(100), "0: 95");
}

TEST(Statistics, CountersAreRates) {
  const std::vector<TestRow> rows{
      {0, 1, {u(100)}}, {2, 1, {u(120)}}, {3, 1, {u(121)}}, {8, 1, {u(171)}}, {12, 1, {u(171)}}};
  EXPECT_EQ(counter(Statistic::kAvg, rows), "0: 8.875 10: 0");  // 71 in 8 s; then 0 in 4 s.
  EXPECT_EQ(counter(Statistic::kMin, rows), "0: 1 10: 0");
  EXPECT_EQ(counter(Statistic::kMax, rows), "0: 10 10: 0");
  EXPECT_EQ(counter(Statistic::kLast, rows), "0: 10 10: 0");
  EXPECT_EQ(counter(Statistic::kSum, rows), "0: 71 10: 0");
  EXPECT_EQ(counter(Statistic::kCount, rows), "0: 3 10: 1");
  EXPECT_EQ(counter(Statistic::kP95, rows), "0: 10 10: 0");
}

TEST(Statistics, CounterRules) {
  const auto f = [](const std::vector<TestRow>& rows) { return counter(Statistic::kAvg, rows); };
  EXPECT_EQ(f({{0, 1, {u(100)}}}), "");                         // The first row has none.
  EXPECT_EQ(f({{0, 1, {u(100)}}, {2, 2, {u(50)}}}), "0: 25");   // Another boot: from 0.
  EXPECT_EQ(f({{0, 1, {u(100)}}, {2, 2, {u(150)}}}), "0: 75");  // Also where it did not fall.
  EXPECT_EQ(f({{0, 1, {u(100)}}, {2, 1, {u(50)}}}), "");        // A fall under the same boot: no rate…
  EXPECT_EQ(f({{0, 1, {u(100)}}, {2, 1, {u(50)}}, {3, 1, {u(60)}}}), "0: 10");  // …and from there on.
  EXPECT_EQ(f({{0, 0, {u(100)}}, {2, 0, {u(50)}}}), "0: 25");                   // Boot not known: a fall is a restart.
  EXPECT_EQ(f({{0, 0, {u(100)}}, {2, 0, {u(150)}}}), "0: 25");
  EXPECT_EQ(f({{0, 1, {u(100)}}, {2, 0, {u(50)}}}), "0: 25");  // One of them not known: likewise.
  EXPECT_EQ(f({{0, 0, {u(100)}}, {2, 1, {u(150)}}}), "0: 25");
  EXPECT_EQ(f({{0, 1, {u(7)}}, {1, 1, {std::nullopt}}, {4, 1, {u(15)}}}), "0: 2");  // Since the last row that has it.
  EXPECT_EQ(f({{8, 1, {u(0)}}, {12, 1, {u(40)}}}), "10: 10");  // A whole increase belongs to its row's bucket.
  EXPECT_EQ(f({{0, 1, {u(5)}}, {1, 1, {u(5)}}}), "0: 0");      // Standing still is 0, not a gap.
}

TEST(Statistics, IntegersAreSubtractedExactly) {
  const uint64_t big = uint64_t{1} << 63;
  EXPECT_EQ(counter(Statistic::kSum, {{0, 1, {u(big + 1)}}, {1, 1, {u(big + 4)}}}), "0: 3");
  EXPECT_EQ(
      counter(Statistic::kSum, {{0, 1, {Value::of(int64_t{-5})}}, {1, 1, {Value::of(int64_t{5})}}}, ValueType::kInt64),
      "0: 10");
  EXPECT_EQ(counter(Statistic::kSum, {{0, 1, {d(0.5)}}, {1, 1, {d(2)}}}, ValueType::kFloat64), "0: 1.5");
}

TEST(Statistics, RowsBeforeTheRangeOnlyTellCounters) {
  const ColumnSet rows = rows_of_types(
      {ValueType::kUint64, ValueType::kUint64},
      {{-5, 1, {u(10), u(10)}}, {5, 1, {u(30), u(30)}}, {15, 1, {u(40), u(40)}}, {25, 1, {u(99), u(99)}}});
  const MetricKind kinds[] = {MetricKind::kGauge, MetricKind::kCounter};
  EXPECT_EQ(show(bucketize(rows, kinds, Statistic::kAvg, 10s, between_s(0, 20))), "0: 30 2 10: 40 1");
  EXPECT_EQ(show(rows_with_rates(rows, kinds, between_s(0, 20))), "5: 30 2 15: 40 1");
  const MetricKind counters[] = {MetricKind::kCounter, MetricKind::kCounter};
  EXPECT_EQ(rows_with_rates(rows, counters, between_s(-10, 20)).size(), 3u)
      << "the first row has no rate, but is there";
  const auto window = window_statistic(rows, kinds, Statistic::kAvg, between_s(0, 20));
  EXPECT_EQ(window.newest, at_s(15));
  EXPECT_THAT(window.fields, ElementsAre(35.0, 1.5));
  const auto none = window_statistic(rows, kinds, Statistic::kAvg, between_s(6, 15));
  EXPECT_EQ(none.newest, std::nullopt);
  EXPECT_THAT(none.fields, ElementsAre(std::nullopt, std::nullopt));
}

TEST(Statistics, BucketsAreAlignedToUtc) {
  const ColumnSet rows = rows_of_types({ValueType::kFloat64}, {{-1, 1, {d(1)}}, {0, 1, {d(2)}}, {3000, 1, {d(3)}}});
  EXPECT_EQ(format_rfc3339(bucketize(rows, kGauge, Statistic::kAvg, 24h, kAll).at(0).start), "2026-01-31T00:00:00Z");
  EXPECT_EQ(show(bucketize(rows, kGauge, Statistic::kSum, 1h, kAll)), "-600: 3 3000: 3");
}

TEST(Statistics, AcrossVms) {
  const auto f = [](Statistic statistic) {
    const double values[] = {4, 1, 7};
    return across(values, statistic);
  };
  EXPECT_EQ(f(Statistic::kAvg), 4.0);
  EXPECT_EQ(f(Statistic::kMin), 1.0);
  EXPECT_EQ(f(Statistic::kMax), 7.0);
  EXPECT_EQ(f(Statistic::kSum), 12.0);
  EXPECT_EQ(f(Statistic::kCount), 3.0);
  EXPECT_EQ(f(Statistic::kP95), 7.0);
  EXPECT_EQ(f(Statistic::kLast), 4.0);
  EXPECT_EQ(across({}, Statistic::kSum), std::nullopt);
}

TEST(Statistics, KindsOfCatalogueAndCustomGroups) {
  EXPECT_THAT(kinds_of(GroupId{64}, 2), ElementsAre(MetricKind::kGauge, MetricKind::kGauge));
  const auto kinds = kinds_of(GroupId::kNetwork, metrics_of(GroupId::kNetwork).size());
  for (const Metric& metric : metrics_of(GroupId::kNetwork)) EXPECT_EQ(kinds[metric.field], metric.kind) << metric.name;
}

// The same rules written down a second time, sample by sample, without any of the code above.
struct Point {
  double value;
  double increase;
  double elapsed_s;
};
using Points = std::map<int64_t, std::vector<Point>>;  // By bucket.

Points brute_force(const ColumnSet& rows, const Column& column, bool is_counter, int64_t bucket_ns, TimeRange range) {
  Points out;
  for (size_t row = 0; row < rows.rows(); ++row) {
    if (column.present[row] == 0 || !range.contains(from_unix_ns(rows.times_ns[row]))) continue;
    const int64_t time = rows.times_ns[row];
    auto& points =
        out[static_cast<int64_t>(std::floor(static_cast<long double>(time) / static_cast<long double>(bucket_ns)))];
    if (!is_counter) {
      points.push_back({column.as_double(row), 0, 0});
      continue;
    }
    size_t before = row;
    while (before > 0 && (before == row || column.present[before] == 0)) --before;
    if (before == row || column.present[before] == 0) continue;
    const bool boots_known = rows.boots[row] != 0 && rows.boots[before] != 0;
    const bool fell = column.bits[row] < column.bits[before];
    const bool restarted = boots_known ? rows.boots[row] != rows.boots[before] : fell;
    if (fell && !restarted) continue;
    const auto increase = static_cast<double>(restarted ? column.bits[row] : column.bits[row] - column.bits[before]);
    const double elapsed_s = static_cast<double>(time - rows.times_ns[before]) / 1e9;
    points.push_back({increase / elapsed_s, increase, elapsed_s});
  }
  std::erase_if(out, [](const auto& entry) { return entry.second.empty(); });
  return out;
}

double of_points(std::vector<Point> points, Statistic statistic, bool is_counter) {
  double sum = 0, increase = 0, elapsed_s = 0;
  for (const Point& point : points) {
    sum += point.value;
    increase += point.increase;
    elapsed_s += point.elapsed_s;
  }
  const double last = points.back().value;
  std::ranges::sort(points, {}, &Point::value);
  switch (statistic) {
    case Statistic::kAvg: return is_counter ? increase / elapsed_s : sum / static_cast<double>(points.size());
    case Statistic::kMin: return points.front().value;
    case Statistic::kMax: return points.back().value;
    case Statistic::kLast: return last;
    case Statistic::kSum: return is_counter ? increase : sum;
    case Statistic::kCount: return static_cast<double>(points.size());
    case Statistic::kP95: break;
  }
  size_t rank = 1;
  while (rank * 100 < points.size() * 95) ++rank;
  return points[rank - 1].value;
}

// Gaps, resets, reboots, boots that are not known, absent fields, rows that come late and twice.
ColumnSet random_history(SeededRandom& random) {
  ColumnSet out = ColumnSet::for_types(std::vector{ValueType::kFloat64, ValueType::kUint64, ValueType::kUint64});
  double time_s = 0;
  uint64_t boot = random.below(3);
  uint64_t total = random.below(1000);
  uint64_t huge = ~uint64_t{0} - 100'000'000;
  std::vector<TestRow> rows;
  const size_t count = 5 + random.below(300);
  for (size_t i = 0; i < count; ++i) {
    time_s += random.below(30) == 0 ? 200.0 : 1.0 + 0.001 * static_cast<double>(random.below(3));
    if (random.below(40) == 0) boot = random.below(3), total = random.below(50);
    if (random.below(40) == 0) total /= 2;
    total += random.below(100);
    huge += random.below(1000);
    const auto maybe = [&](Value value) { return random.below(8) == 0 ? std::nullopt : std::optional<Value>(value); };
    rows.push_back(
        {time_s, boot, {maybe(d(static_cast<double>(random.below(10'000)) / 100)), maybe(u(total)), maybe(u(huge))}});
  }
  for (size_t i = 0; i < rows.size() / 10; ++i)
    std::swap(rows[random.below(rows.size())], rows[random.below(rows.size())]);
  for (size_t i = 0; i < rows.size() / 20; ++i) rows.push_back(rows[random.below(rows.size())]);
  out = rows_of_types({ValueType::kFloat64, ValueType::kUint64, ValueType::kUint64}, rows);
  out.sort_and_merge();
  return out;
}

TEST(Statistics, AgreesWithBruteForce) {
  const MetricKind kinds[] = {MetricKind::kGauge, MetricKind::kCounter, MetricKind::kCounter};
  size_t compared = 0;
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    SeededRandom random(seed);
    const ColumnSet rows = random_history(random);
    const Duration bucket = std::chrono::seconds(1 + random.below(90));
    const double begin = static_cast<double>(random.below(200));
    const TimeRange range = between_s(begin, begin + 1 + static_cast<double>(random.below(1000)));
    for (const Statistic statistic : {Statistic::kAvg, Statistic::kMin, Statistic::kMax, Statistic::kLast,
                                      Statistic::kSum, Statistic::kCount, Statistic::kP95}) {
      SCOPED_TRACE(fmt::format("seed {} {}", seed, to_string(statistic)));
      std::map<int64_t, FieldValues> expected;
      for (size_t i = 0; i < rows.columns.size(); ++i) {
        const bool is_counter = kinds[i] == MetricKind::kCounter;
        for (const auto& [index, points] : brute_force(rows, rows.columns[i], is_counter, bucket.count(), range)) {
          auto& fields = expected[index];
          fields.resize(rows.columns.size());
          fields[i] = of_points(points, statistic, is_counter);
        }
      }
      const auto buckets = bucketize(rows, kinds, statistic, bucket, range);
      ASSERT_EQ(buckets.size(), expected.size());
      size_t at = 0;
      for (const auto& [index, fields] : expected) {
        ASSERT_EQ(unix_ns(buckets[at].start), index * bucket.count());
        for (size_t i = 0; i < fields.size(); ++i) {
          ASSERT_EQ(buckets[at].fields[i].has_value(), fields[i].has_value()) << i;
          if (fields[i]) {
            ASSERT_NEAR(*buckets[at].fields[i], *fields[i], 1e-9 * std::max(1.0, std::fabs(*fields[i]))) << i;
            ++compared;
          }
        }
        ++at;
      }
      // One bucket over everything is the window.
      const auto window = window_statistic(rows, kinds, statistic, range);
      const auto whole = bucketize(rows, kinds, statistic, 24h * 365 * 200, range);
      if (!whole.empty()) {
        EXPECT_EQ(window.fields, whole[0].fields);
      }
    }
  }
  EXPECT_GT(compared, 10'000u);
}

}  // namespace
}  // namespace dragonfly
