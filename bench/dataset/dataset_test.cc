#include "bench/dataset/dataset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace dragonfly::bench {
namespace {

const Trace& trace() {
  static const Trace kTrace = *shipped_trace();
  return kTrace;
}

DatasetSpec spec_of(char name) { return *DatasetSpec::named(name, from_unix_ms(1'800'000'000'000), 1); }

const Column& column_of(const ColumnSet& set, std::string_view metric) {
  return set.columns[find_metric(metric)->field];
}

TEST(Trace, ShippedOneIsWhole) {
  EXPECT_GE(trace().steps.size(), 440u);  // 15 min at 2 s.
  EXPECT_GE(trace().cpus, 1u);
  uint64_t ticks = 0;
  for (const TraceStep& step : trace().steps) ticks += step.all_ticks;
  EXPECT_NEAR(static_cast<double>(ticks) / static_cast<double>(trace().steps.size() * trace().cpus), 200, 10);
}

TEST(Trace, SaysWhatIsWrong) {
  const auto f = [](std::string_view text, std::string_view want) {
    const auto parsed = Trace::parse(text);
    ASSERT_FALSE(parsed.has_value()) << text;
    EXPECT_EQ(parsed.error().code, ErrorCode::kCorruption);
    EXPECT_THAT(parsed.error().message, testing::HasSubstr(want));
  };
  const std::string names =
      "ticks_user ticks_nice ticks_system ticks_idle ticks_iowait ticks_irq ticks_softirq ticks_steal cpus uptime_cs "
      "load1 load5 load15 running processes MemTotal_kib MemFree_kib Buffers_kib Cached_kib SReclaimable_kib fs_used "
      "reads sectors_read read_ms writes sectors_written write_ms rx_packets tx_packets\n";
  f("", "no step");
  f("ticks_user ticks_nice\n", "line 1: no column 'ticks_system'");
  f(names, "no step");
  f(names + "1 2 3\n", "line 2: 3 columns; 29 are named");
  std::string row;
  for (int i = 0; i < 28; ++i) row += "1 ";
  f(names + row + "1\n", "no step");
  f(names + row + "1\n" + row + "x\n", "line 3: 'x' is not a whole number");
}

TEST(Dataset, SetsAreAsLargeAsTheyShouldBe) {
  const auto f = [](char name, uint64_t scale, uint64_t want_vms, uint64_t want_ticks, uint64_t want_samples) {
    const auto spec = DatasetSpec::named(name, from_unix_ms(1'800'000'000'000), scale);
    ASSERT_TRUE(spec.has_value());
    EXPECT_EQ(spec->vms, want_vms);
    EXPECT_EQ(spec->ticks, want_ticks);
    EXPECT_EQ(spec->samples(), want_samples);
  };
  f('S', 1, 1000, 900, 46'800'000);
  f('S', 20, 50, 900, 2'340'000);
  f('M', 1, 10'000, 30, 15'600'000);
  f('H', 1, 100, 2880, 14'976'000);
  f('H', 20, 100, 144, 748'800);
  EXPECT_FALSE(DatasetSpec::named('X', {}, 1).has_value());
}

TEST(Dataset, NamesAreDistinctAndGroupsHaveAHundred) {
  const VmNames first = Dataset::names(0);
  EXPECT_EQ(first.mcis, "mcis-1");
  EXPECT_EQ(first.vm, "vm-1-1");
  EXPECT_EQ(Dataset::names(99).vm, "vm-1-100");
  EXPECT_EQ(Dataset::names(100).vm, "vm-2-1");
  EXPECT_EQ(first.labels().size(), 6u);
}

TEST(Dataset, TimesAreEvenAndEndBeforeTheEnd) {
  const Dataset data(trace(), spec_of('S'));
  for (const uint64_t vm : {0, 1, 999}) {
    const ColumnSet cpu = data.columns(vm, GroupId::kCpu, 0, data.spec().ticks);
    ASSERT_EQ(cpu.rows(), 900u);
    EXPECT_EQ(cpu.times_ns.front(), unix_ns(data.first_tick(vm)));
    for (size_t i = 1; i < cpu.rows(); ++i) ASSERT_EQ(cpu.times_ns[i] - cpu.times_ns[i - 1], 2'000'000'000);
    EXPECT_LT(cpu.times_ns.back(), unix_ns(data.spec().end));
    EXPECT_GE(cpu.times_ns.back() + 2'000'000'000, unix_ns(data.spec().end));
  }
}

TEST(Dataset, ComesAgainTheSame) {
  const Dataset data(trace(), spec_of('S'));
  ColumnSet whole = data.columns(7, GroupId::kDisk, 0, 300);
  ColumnSet parts = data.columns(7, GroupId::kDisk, 0, 100);
  parts.append_all(data.columns(7, GroupId::kDisk, 100, 200));
  EXPECT_EQ(whole, parts);
  DatasetSpec other = spec_of('S');
  other.seed = 2;
  EXPECT_NE(whole.columns, Dataset(trace(), other).columns(7, GroupId::kDisk, 0, 300).columns);
}

TEST(Dataset, FieldsAgreeWithEachOther) {
  const Dataset data(trace(), spec_of('S'));
  for (uint64_t vm = 0; vm < 40; ++vm) {
    const ColumnSet cpu = data.columns(vm, GroupId::kCpu, 0, 900);
    const ColumnSet memory = data.columns(vm, GroupId::kMemory, 0, 900);
    for (size_t row = 0; row < cpu.rows(); ++row) {
      const auto cpu_is = [&](std::string_view metric) { return column_of(cpu, metric).as_double(row); };
      ASSERT_NEAR(cpu_is("cpu_utilization") + cpu_is("cpu_idle"), 100, 1e-9);
      double sum = 0;
      for (const auto part :
           {"cpu_idle", "cpu_system", "cpu_iowait", "cpu_sintr", "cpu_user", "cpu_nice", "cpu_steal"}) {
        const double share = cpu_is(part);
        ASSERT_EQ(std::round(share * 100) / 100, share) << part;
        sum += share;
      }
      ASSERT_NEAR(sum, 100, 0.05);
      const auto memory_is = [&](std::string_view metric) { return column_of(memory, metric).bits[row]; };
      ASSERT_EQ(memory_is("mem_used") + memory_is("mem_free") + memory_is("mem_buffers") + memory_is("mem_cached"),
                memory_is("mem_total"));
      ASSERT_EQ(memory_is("mem_free") % 4096, 0u);
    }
  }
}

TEST(Dataset, CountersNeverFall) {
  const Dataset data(trace(), spec_of('H'));
  for (uint64_t vm = 0; vm < 10; ++vm) {
    for (const GroupId group : kCatalogueGroups) {
      const ColumnSet columns = data.columns(vm, group, 0, 500);
      for (const Metric& metric : metrics_of(group)) {
        if (metric.kind != MetricKind::kCounter) continue;
        const auto& bits = columns.columns[metric.field].bits;
        EXPECT_TRUE(std::is_sorted(bits.begin(), bits.end())) << metric.name;
      }
    }
  }
}

// As real fleets are: what a codec or a store gains from quiet series must not be more than there is to gain.
TEST(Dataset, SharesOfConstantSeriesAndEqualSamples) {
  const auto f = [](bool full_doubles, double want_constant, double want_equal) {
    DatasetSpec spec = spec_of('S');
    spec.full_doubles = full_doubles;
    const Dataset data(trace(), spec);
    uint64_t series = 0, constant = 0, samples = 0, equal = 0;
    for (uint64_t vm = 0; vm < 100; ++vm) {
      for (const GroupId group : kCatalogueGroups) {
        for (const Column& column : data.columns(vm, group, 0, spec.ticks).columns) {
          uint64_t same = 0;
          for (size_t i = 1; i < column.bits.size(); ++i) same += column.bits[i] == column.bits[i - 1] ? 1 : 0;
          ++series;
          constant += same + 1 == column.bits.size() ? 1 : 0;
          samples += column.bits.size() - 1;
          equal += same;
        }
      }
    }
    EXPECT_NEAR(static_cast<double>(constant) / static_cast<double>(series), want_constant, 0.02);
    EXPECT_NEAR(static_cast<double>(equal) / static_cast<double>(samples), want_equal, 0.02);
  };
  f(false, 0.31, 0.60);
  f(true, 0.30, 0.58);
}

}  // namespace
}  // namespace dragonfly::bench
