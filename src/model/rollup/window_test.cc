#include "model/rollup/window.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>

#include "model/rollup/rollup.h"
#include "model/row/row.h"

namespace dragonfly {
namespace {

constexpr Timestamp kStart = from_unix_ms(1'800'000'000'000);

Bytes fields_of(const std::vector<std::optional<Value>>& values) {
  Bytes out;
  ByteWriter writer(out);
  encode_fields(writer, values);
  return out;
}

TEST(Window, TheCatalogueHas52Metrics) {
  EXPECT_EQ(catalogue().size(), kCatalogueMetrics);
  for (const GroupId group : kCatalogueGroups) {
    for (const Metric& metric : metrics_of(group)) EXPECT_EQ(&catalogue()[metric_index(group, metric.field)], &metric);
    EXPECT_EQ(metric_index(group, metrics_of(group).size()), kCatalogueMetrics);
  }
  EXPECT_EQ(metric_index(GroupId{64}, 0), kCatalogueMetrics);
}

// Random rows with gaps, restarts and falls: the same as one rollup over all of them.
TEST(Window, IsTheRollupOfItsRows) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  const auto up_to = [&](int64_t n) { return std::uniform_int_distribution<int64_t>(0, n - 1)(random); };
  for (int round = 0; round < 100; ++round) {
    const GroupId group = kCatalogueGroups[static_cast<size_t>(up_to(5))];
    const auto metrics = metrics_of(group);
    ColumnSet rows = ColumnSet::for_group(group);
    VmWindow window;
    Timestamp time = kStart;
    uint64_t boot = static_cast<uint64_t>(up_to(2));
    const int64_t row_count = up_to(12);
    const bool has_before = up_to(2) == 0;  // The first row lies before the window.
    Timestamp begin = Timestamp::min();
    for (int64_t row = 0; row < row_count; ++row) {
      time += std::chrono::milliseconds(1 + up_to(up_to(20) == 0 ? 30'000'000 : 5000));
      if (up_to(8) == 0 && boot != 0) ++boot;
      std::vector<std::optional<Value>> values(metrics.size());
      for (const Metric& metric : metrics) {
        if (up_to(6) == 0) continue;
        values[metric.field] = metric.type == ValueType::kFloat64 ? Value::of(static_cast<double>(up_to(10'000)) / 100)
                                                                  : *convert(Value::of(up_to(1'000'000)), metric.type);
      }
      const Bytes fields = fields_of(values);
      rows.append_row(time, boot, fields);
      if (row == 0 && has_before) {
        window.set_before(group, time, boot, fields);
        begin = time + Duration(1);
      } else {
        window.add_row(group, time, boot, fields);
      }
    }
    const auto kinds = kinds_of(group, rows.columns.size());
    const ColumnSet whole = roll_rows(rows, kinds, Duration::max(), {begin, Timestamp::max()});
    const auto offsets = rollup_offsets(kinds);
    EXPECT_EQ(window.rows(), static_cast<uint32_t>(row_count - (row_count > 0 && has_before ? 1 : 0)));
    for (const Metric& metric : metrics) {
      const VmWindow::Sums& sums = window.of(metric_index(group, metric.field));
      const auto part = [&](RollupPart of) -> std::optional<double> {
        if (whole.rows() == 0) return std::nullopt;
        const Column& column = whole.columns[offsets[metric.field] + *rollup_offset(metric.kind, of)];
        return column.present[0] == 0 ? std::nullopt : std::optional(column.as_double(0));
      };
      SCOPED_TRACE(metric.name);
      ASSERT_EQ(sums.count, part(RollupPart::kCount).value_or(0));
      if (sums.count == 0) continue;
      EXPECT_DOUBLE_EQ(sums.sum, *part(RollupPart::kSum));
      EXPECT_EQ(sums.min, *part(RollupPart::kMin));
      EXPECT_EQ(sums.max, *part(RollupPart::kMax));
      EXPECT_EQ(sums.last, *part(RollupPart::kLast));
      if (metric.kind == MetricKind::kCounter) {
        EXPECT_DOUBLE_EQ(sums.seconds, *part(RollupPart::kSeconds));
      }
    }
  }
}

TEST(Window, ValuesThatAreNoneAreAbsent) {
  VmWindow window;
  window.add_row(GroupId::kCpufreq, kStart, 1, fields_of({Value::of(std::numeric_limits<double>::quiet_NaN())}));
  window.add_row(GroupId::kCpufreq, kStart + 1s, 1, fields_of({Value::of(true)}));
  window.add_row(GroupId::kCpufreq, kStart + 2s, 1, Bytes{0xff});
  window.add_row(GroupId{64}, kStart, 1, fields_of({Value::of(1.0)}));
  EXPECT_EQ(window.rows(), 4u);
  for (size_t i = 0; i < kCatalogueMetrics; ++i) EXPECT_EQ(window.of(i).count, 0u);
  window.clear();
  EXPECT_EQ(window.rows(), 0u);
}

TEST(Window, AcrossVmsEachCountsOnce) {
  const size_t speed = metric_index(GroupId::kCpufreq, 0);
  WindowSummary all;
  const auto add = [&](WindowSummary& to, std::initializer_list<double> values) {
    VmWindow vm;
    Timestamp time = kStart;
    for (const double value : values) vm.add_row(GroupId::kCpufreq, time += 1s, 1, fields_of({Value::of(value)}));
    to.add(vm);
  };
  add(all, {10, 20, 30});
  WindowSummary other;
  add(other, {5});
  add(other, {});
  all.add(other);
  all.add(WindowSummary{});
  EXPECT_EQ(all.rows, 4u);
  EXPECT_EQ(all.metrics[speed].vms, 2u);
  EXPECT_EQ(all.metrics[speed].avg(), 12.5);
  EXPECT_EQ(all.metrics[speed].min, 5);
  EXPECT_EQ(all.metrics[speed].max, 30);
  EXPECT_EQ(all.metrics[speed].last(), 17.5);
}

}  // namespace
}  // namespace dragonfly
