#include "model/rollup/rollup.h"

#include <fmt/core.h>
#include <gmock/gmock.h>

#include <bit>
#include <cmath>
#include <limits>
#include <map>

#include "base/rt/random.h"
#include "model/rollup/counter.h"

namespace dragonfly {
namespace {

using ::testing::ElementsAre;

constexpr int64_t kSecondNs = 1'000'000'000;
constexpr TimeRange kAlways{Timestamp::min(), Timestamp::max()};
const Timestamp kStart = parse_rfc3339("2026-01-31T07:00:00Z").value();

struct Row {
  int64_t time_s;  // After kStart.
  uint64_t boot;
  std::vector<std::optional<Value>> values;
};

ColumnSet rows_of(const std::vector<ValueType>& types, const std::vector<Row>& rows) {
  ColumnSet out = ColumnSet::for_types(types);
  for (const Row& row : rows) {
    out.times_ns.push_back(unix_ns(kStart) + row.time_s * kSecondNs);
    out.boots.push_back(row.boot);
    for (size_t i = 0; i < types.size(); ++i) {
      const bool there = i < row.values.size() && row.values[i].has_value();
      out.columns[i].bits.push_back(there ? row.values[i]->bits : 0);
      out.columns[i].present.push_back(there ? 1 : 0);
    }
  }
  return out;
}

// "seconds after kStart: sub-columns", a period each; "-" = absent.
std::string show(const ColumnSet& rollups) {
  std::string out;
  for (size_t row = 0; row < rollups.rows(); ++row) {
    out += fmt::format("{}{}:", row == 0 ? "" : "; ", (rollups.times_ns[row] - unix_ns(kStart)) / kSecondNs);
    for (const Column& column : rollups.columns)
      out += column.present[row] == 0 ? std::string(" -") : fmt::format(" {}", column.as_double(row));
  }
  return out;
}

TEST(Rollup, Gauges) {
  const auto f = [](const std::vector<std::pair<int64_t, double>>& values, const std::string& want) {
    std::vector<Row> rows;
    for (const auto& [time, value] : values) rows.push_back({time, 1, {Value::of(value)}});
    const MetricKind kinds[] = {MetricKind::kGauge};
    EXPECT_EQ(show(roll_rows(rows_of({ValueType::kFloat64}, rows), kinds, 1min, kAlways)), want);
  };
  f({}, "");
  f({{0, 1.5}}, "0: 1 1.5 1.5 1.5 1.5");
  f({{0, 1}, {59, 3}, {60, 2}}, "0: 2 4 1 3 3; 60: 1 2 2 2 2");
  f({{0, 0.1}, {1, 0.2}, {2, 0.3}}, "0: 3 0.6 0.1 0.3 0.3");  // As decimals: in doubles 0.1 + 0.2 + 0.3 is more.
  f({{-1, 4}, {300, std::numeric_limits<double>::quiet_NaN()}}, "-60: 1 4 4 4 4");
  f({{0, std::numeric_limits<double>::infinity()}}, "");
}

TEST(Rollup, Counters) {
  const auto u = [](uint64_t value) { return Value::of(value); };
  const auto f = [](const std::vector<Row>& rows, const std::string& want, TimeRange range = kAlways) {
    const MetricKind kinds[] = {MetricKind::kCounter};
    EXPECT_EQ(show(roll_rows(rows_of({ValueType::kUint64}, rows), kinds, 1min, range)), want);
  };
  // count, increase, seconds, min, max, last of the rates.
  f({{0, 1, {u(5)}}}, "");
  f({{0, 1, {u(5)}}, {10, 1, {u(25)}}, {30, 1, {u(35)}}}, "0: 2 30 30 0.5 2 0.5");
  f({{50, 1, {u(0)}}, {70, 1, {u(40)}}}, "60: 1 40 20 2 2 2");                         // Whole, in its own period.
  f({{0, 1, {u(100)}}, {10, 2, {u(30)}}}, "0: 1 30 10 3 3 3");                         // A restart.
  f({{0, 0, {u(100)}}, {10, 0, {u(30)}}}, "0: 1 30 10 3 3 3");                         // The same, seen by the fall.
  f({{0, 1, {u(100)}}, {10, 1, {u(30)}}, {20, 1, {u(40)}}}, "0: 1 10 10 1 1 1");       // Something left.
  f({{0, 1, {u(0)}}, {10, 1, {std::nullopt}}, {20, 1, {u(40)}}}, "0: 1 40 20 2 2 2");  // Over a row without it.
  f({{0, 1, {u(0)}}, {21600, 1, {u(21600)}}}, "21600: 1 21600 21600 1 1 1");           // Six hours,
  f({{0, 1, {u(0)}}, {21601, 1, {u(21601)}}, {21602, 1, {u(21603)}}}, "21600: 1 2 1 2 2 2");  // and more.
  const TimeRange second{kStart + 60s, kStart + 120s};
  f({{50, 1, {u(0)}}, {70, 1, {u(40)}}, {130, 1, {u(50)}}}, "60: 1 40 20 2 2 2", second);
}

TEST(Rollup, PartsAndOffsets) {
  const MetricKind kinds[] = {MetricKind::kGauge, MetricKind::kCounter, MetricKind::kGauge};
  const auto f = [&](RollupParts parts, std::vector<size_t> want) { EXPECT_EQ(rollup_offsets(kinds, parts), want); };
  f(kAllRollupParts, {0, 5, 11, 16});
  f(RollupParts{} | RollupPart::kSum | RollupPart::kSeconds, {0, 1, 3, 4});
  f(RollupParts{} | RollupPart::kLast, {0, 1, 2, 3});
  f(RollupParts{}, {0, 0, 0, 0});
  EXPECT_EQ(rollup_offset(MetricKind::kGauge, RollupPart::kSeconds), std::nullopt);
  EXPECT_EQ(rollup_offset(MetricKind::kGauge, RollupPart::kMin), 2u);
  EXPECT_EQ(rollup_offset(MetricKind::kCounter, RollupPart::kMin), 3u);
}

// What a field of one period holds, by the plainest means.
struct Plain {
  std::vector<double> values;
  double sum = 0;
  double seconds = 0;
};

std::map<int64_t, Plain> by_hand(const ColumnSet& rows, const Column& column, MetricKind kind, int64_t period_ns) {
  std::map<int64_t, Plain> out;
  std::optional<size_t> before;
  for (size_t row = 0; row < rows.rows(); ++row) {
    if (column.present[row] == 0 || !std::isfinite(column.as_double(row))) continue;
    const auto last = std::exchange(before, row);
    const double value = column.as_double(row);
    Plain* plain = nullptr;
    const auto take = [&] {
      plain = &out[rows.times_ns[row] / period_ns * period_ns];
      return plain;
    };
    if (kind == MetricKind::kGauge) {
      take()->values.push_back(value);
      plain->sum += value;
      continue;
    }
    if (!last || rows.times_ns[row] - rows.times_ns[*last] > kCounterGapMax.count()) continue;
    const double elapsed = static_cast<double>(rows.times_ns[row] - rows.times_ns[*last]) / 1e9;
    const bool boots_known = rows.boots[row] != 0 && rows.boots[*last] != 0;
    const bool restart = boots_known ? rows.boots[row] != rows.boots[*last] : value < column.as_double(*last);
    if (!restart && value < column.as_double(*last)) continue;
    const double increase = restart ? value : value - column.as_double(*last);
    take()->values.push_back(increase / elapsed);
    plain->sum += increase;
    plain->seconds += elapsed;
  }
  return out;
}

ColumnSet random_rows(Random& random) {
  ColumnSet out = ColumnSet::for_types(std::vector{ValueType::kFloat64, ValueType::kUint64, ValueType::kInt64});
  int64_t time = unix_ns(kStart);
  uint64_t boot = random.below(3);
  uint64_t total = 0;
  const size_t rows = random.below(400);
  for (size_t i = 0; i < rows; ++i) {
    switch (random.below(30)) {
      case 0: time += static_cast<int64_t>(random.below(8 * 3600)) * kSecondNs; break;
      case 1: boot = random.below(3); break;
      case 2: total = 0; break;
      default: break;
    }
    time += static_cast<int64_t>(1 + random.below(30'000)) * 1'000'000;
    total += random.below(1000);
    out.times_ns.push_back(time);
    out.boots.push_back(boot);
    const Value values[] = {random.below(40) == 0 ? Value::of(std::numeric_limits<double>::quiet_NaN())
                                                  : Value::of(static_cast<double>(random.below(10'000)) / 100),
                            Value::of(total), Value::of(static_cast<int64_t>(random.below(100)) - 50)};
    for (size_t field = 0; field < 3; ++field) {
      const bool there = random.below(5) != 0;
      out.columns[field].bits.push_back(there ? values[field].bits : 0);
      out.columns[field].present.push_back(there ? 1 : 0);
    }
  }
  return out;
}

constexpr MetricKind kKinds[] = {MetricKind::kGauge, MetricKind::kCounter, MetricKind::kGauge};

TEST(Rollup, AgreesWithBruteForce) {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    SeededRandom random(seed);
    const ColumnSet rows = random_rows(random);
    const Duration period = random.below(2) == 0 ? Duration(1min) : Duration(1h);
    const ColumnSet got = roll_rows(rows, kKinds, period, kAlways);
    const auto offsets = rollup_offsets(kKinds);
    for (size_t field = 0; field < 3; ++field) {
      const auto want = by_hand(rows, rows.columns[field], kKinds[field], period.count());
      const auto at = [&](RollupPart part) -> const Column& {
        return got.columns[offsets[field] + rollup_offset(kKinds[field], part).value()];
      };
      size_t periods = 0;
      for (size_t row = 0; row < got.rows(); ++row) {
        const auto plain = want.find(got.times_ns[row]);
        ASSERT_EQ(at(RollupPart::kCount).present[row] != 0, plain != want.end());
        if (plain == want.end()) continue;
        ++periods;
        const auto& values = plain->second.values;
        EXPECT_EQ(at(RollupPart::kCount).bits[row], values.size());
        EXPECT_EQ(at(RollupPart::kMin).as_double(row), *std::ranges::min_element(values));
        EXPECT_EQ(at(RollupPart::kMax).as_double(row), *std::ranges::max_element(values));
        EXPECT_EQ(at(RollupPart::kLast).as_double(row), values.back());
        EXPECT_NEAR(at(RollupPart::kSum).as_double(row), plain->second.sum, 1e-9);
        if (kKinds[field] == MetricKind::kCounter) {
          EXPECT_NEAR(at(RollupPart::kSeconds).as_double(row), plain->second.seconds, 1e-9);
        }
      }
      EXPECT_EQ(periods, want.size());
    }
  }
}

// Whatever the way: rows to hours, rows to minutes to hours, or in two pieces, down to the last bit.
TEST(Rollup, EveryWayGivesTheSame) {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    SeededRandom random(seed);
    const ColumnSet rows = random_rows(random);
    const ColumnSet hours = roll_rows(rows, kKinds, 1h, kAlways);
    const ColumnSet minutes = roll_rows(rows, kKinds, 1min, kAlways);
    EXPECT_EQ(roll_rollups(minutes, kKinds, 1h, kAlways), hours);
    EXPECT_EQ(roll_rollups(hours, kKinds, 24h, kAlways), roll_rows(rows, kKinds, 24h, kAlways));

    const Timestamp cut = kStart + std::chrono::minutes(random.below(600));
    ColumnSet mixed = roll_rows(rows, kKinds, 1h, {Timestamp::min(), floor_to(cut, 1h)});
    mixed.append_all(roll_rows(rows, kKinds, 1min, {floor_to(cut, 1h), Timestamp::max()}));
    EXPECT_EQ(roll_rollups(mixed, kKinds, 24h, kAlways), roll_rows(rows, kKinds, 24h, kAlways));

    // A part alone is the column that it is among all.
    const RollupParts parts{static_cast<uint8_t>(1 + random.below(63))};
    const ColumnSet some = roll_rows(rows, kKinds, 1min, kAlways, parts);
    const auto offsets = rollup_offsets(kKinds);
    const auto some_offsets = rollup_offsets(kKinds, parts);
    for (size_t field = 0; field < 3 && !some.empty(); ++field) {
      for (const RollupPart part : {RollupPart::kCount, RollupPart::kSum, RollupPart::kSeconds, RollupPart::kMin,
                                    RollupPart::kMax, RollupPart::kLast}) {
        const auto in_some = rollup_offset(kKinds[field], part, parts);
        if (!in_some || some.rows() != minutes.rows()) continue;
        EXPECT_EQ(some.columns[some_offsets[field] + *in_some],
                  minutes.columns[offsets[field] + rollup_offset(kKinds[field], part).value()]);
      }
    }
    EXPECT_EQ(roll_rollups(some, kKinds, 1h, kAlways, parts), roll_rows(rows, kKinds, 1h, kAlways, parts));
  }
}

TEST(Rollup, FieldsThatTheCatalogueDoesNotKnowAreGauges) {
  EXPECT_THAT(kinds_of(GroupId::kNetwork, 2), ElementsAre(MetricKind::kCounter, MetricKind::kCounter));
  EXPECT_THAT(kinds_of(GroupId{kFirstCustomGroup}, 1), ElementsAre(MetricKind::kGauge));
  const uint16_t fields[] = {0, 999};
  EXPECT_THAT(kinds_of(GroupId::kNetwork, fields), ElementsAre(MetricKind::kCounter, MetricKind::kGauge));
}

}  // namespace
}  // namespace dragonfly
