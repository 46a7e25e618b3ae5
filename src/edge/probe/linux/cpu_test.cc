#include "edge/probe/linux/cpu.h"

#include "edge/probe/linux/fixture.h"

namespace dragonfly::linux_probe {
namespace {

// A tree whose proc/stat changes from reading to reading.
struct Machine {
  Tree tree;
  ProbeSet probes{tree.options()};
  std::vector<Row> rows;

  // `columns` of the line "cpu"; `cpus` lines follow it.
  void collect(double seconds, const std::string& columns, int cpus = 1) {
    write(columns, cpus);
    probes.collect(from_unix_ms(0), at_seconds(seconds), false, rows);
  }
  void peek(double seconds, const std::string& columns) {
    write(columns, 1);
    probes.peek(from_unix_ms(0), at_seconds(seconds), rows);
  }
  void write(const std::string& columns, int cpus) {
    std::string text = "cpu  " + columns + "\n";
    for (int i = 0; i < cpus; ++i) text += "cpu" + std::to_string(i) + " " + columns + "\n";
    tree.write("proc/stat", text + "intr 1 2 3\n");
  }
};

TEST(Cpu, ColumnsOfOldAndNewKernels) {
  const auto f = [](std::string_view text, size_t columns, size_t cpus) {
    const auto ticks = parse_stat(text);
    ASSERT_TRUE(ticks.has_value()) << text;
    EXPECT_EQ(ticks->columns, columns) << text;
    EXPECT_EQ(ticks->cpus, cpus) << text;
  };
  f("cpu  1 2 3 4\n", 4, 0);
  f("cpu 1 2 3 4 5 6 7\ncpu0 1 2 3 4 5 6 7\n", 7, 1);
  f("cpu 1 2 3 4 5 6 7 8 9 10 11 12\ncpu0 1\ncpu1 1\nintr 5\ncpu2 1\n", 10, 2);
  for (const char* text : {"", "cpu", "cpu 1 2 3", "cpu 1 2 3 x", "intr 1\ncpu 1 2 3 4\n", "cpu0 1 2 3 4\n"})
    EXPECT_FALSE(parse_stat(text).has_value()) << text;
}

TEST(Cpu, TheFirstSampleHasNoPercentages) {
  Machine m;
  m.collect(1, "100 0 100 800 0 0 0 0 0 0");
  expect_metric(m.rows, "cpu_utilization", "-");
  expect_metric(m.rows, "cpu_num", "1");
  m.collect(2, "150 0 110 840 0 0 0 0 0 0");
  expect_metric(m.rows, "cpu_utilization", "60");
  expect_metric(m.rows, "cpu_user", "50");
}

TEST(Cpu, SharesAreRoundedToHundredthsAndBusyIsTheRestOfIdle) {
  Machine m;
  m.collect(1, "0 0 0 0 0 0 0 0 0 0");
  m.collect(2, "10 0 10 10 0 0 0 0 0 0");
  expect_metric(m.rows, "cpu_idle", "33.33");
  expect_metric(m.rows, "cpu_user", "33.33");
  expect_metric(m.rows, "cpu_utilization", "66.67");
}

TEST(Cpu, UserAndNiceAreWithoutTheirGuests) {
  Machine m;
  m.collect(1, "100 100 0 100 0 0 0 0 50 50");
  m.collect(2, "140 120 0 140 0 0 0 0 80 55");
  expect_metric(m.rows, "cpu_user", "10");
  expect_metric(m.rows, "cpu_guest", "30");
  expect_metric(m.rows, "cpu_nice", "15");
  expect_metric(m.rows, "cpu_guest_nice", "5");
  // Guests' time is added a moment after the user's: never a negative share.
  m.collect(3, "150 120 0 230 0 0 0 0 110 55");
  expect_metric(m.rows, "cpu_user", "0");
  expect_metric(m.rows, "cpu_guest", "10");
}

TEST(Cpu, AColumnThatGoesBackHasHadNoTime) {
  Machine m;
  m.collect(1, "100 0 0 1000 500 0 0 0 0 0");
  m.collect(2, "150 0 0 1060 490 0 0 0 0 0");
  expect_metric(m.rows, "cpu_iowait", "0");
  expect_metric(m.rows, "cpu_idle", "54.55");
  expect_metric(m.rows, "cpu_user", "45.45");
  m.collect(3, "350 0 0 1000 490 0 0 0 0 0");
  expect_metric(m.rows, "cpu_idle", "0");
  expect_metric(m.rows, "cpu_utilization", "100");
}

TEST(Cpu, ATotalThatFallsGivesNoPercentagesOnce) {
  Machine m;
  m.collect(1, "100 0 0 1000 0 0 0 0 0 0");
  m.collect(2, "150 0 0 1050 0 0 0 0 0 0");
  // A counter that wraps or was reset.
  m.collect(3, "10 0 0 1060 0 0 0 0 0 0");
  expect_metric(m.rows, "cpu_utilization", "-");
  EXPECT_EQ(m.probes.stats().cpu_skipped, 1u);
  m.collect(4, "35 0 0 1135 0 0 0 0 0 0");
  expect_metric(m.rows, "cpu_utilization", "25");
}

TEST(Cpu, HotPlug) {
  Machine m;
  m.collect(1, "200 0 0 2000 0 0 0 0 0 0", 2);
  m.collect(2, "250 0 0 2050 0 0 0 0 0 0", 2);
  expect_metric(m.rows, "cpu_utilization", "50");
  // One leaves: its idle time is counted in another way from now on, here upwards.
  m.collect(3, "260 0 0 9050 0 0 0 0 0 0", 1);
  expect_metric(m.rows, "cpu_utilization", "-");
  expect_metric(m.rows, "cpu_num", "1");
  m.collect(4, "270 0 0 9080 0 0 0 0 0 0", 1);
  expect_metric(m.rows, "cpu_utilization", "25");
  // It comes back, and the total falls.
  m.collect(5, "280 0 0 2200 0 0 0 0 0 0", 2);
  expect_metric(m.rows, "cpu_utilization", "-");
  expect_metric(m.rows, "cpu_num", "2");
  m.collect(6, "290 0 0 2210 0 0 0 0 0 0", 2);
  expect_metric(m.rows, "cpu_utilization", "50");
}

TEST(Cpu, SuspendedTimeDoesNotCount) {
  Machine m;
  m.collect(1, "100 0 0 1000 0 0 0 0 0 0");
  // Eight hours asleep; two seconds of ticks.
  m.collect(28'801, "150 0 0 1150 0 0 0 0 0 0");
  expect_metric(m.rows, "cpu_utilization", "25");
}

TEST(Cpu, TooSoonRepeatsThePercentages) {
  Machine m;
  m.collect(1, "100 0 0 1000 0 0 0 0 0 0");
  // Too soon for a first one: still absent.
  m.collect(1.05, "105 0 0 1000 0 0 0 0 0 0");
  expect_metric(m.rows, "cpu_utilization", "-");
  m.collect(2, "150 0 0 1050 0 0 0 0 0 0");
  expect_metric(m.rows, "cpu_utilization", "50");
  // By the clock, with ticks of many CPUs.
  m.collect(2.099, "250 0 0 1050 0 0 0 0 0 0");
  expect_metric(m.rows, "cpu_utilization", "50");
  // By the ticks: nine.
  m.collect(2.2, "155 0 0 1054 0 0 0 0 0 0");
  expect_metric(m.rows, "cpu_utilization", "50");
  EXPECT_EQ(m.probes.stats().cpu_repeated, 3u);
  // The interval goes on from the last one that was long enough.
  m.collect(2.3, "180 0 0 1060 0 0 0 0 0 0");
  expect_metric(m.rows, "cpu_utilization", "75");
}

TEST(Cpu, ASampleBetweenTicksDoesNotShortenTheNextInterval) {
  Machine m;
  m.collect(1, "100 0 0 1000 0 0 0 0 0 0");
  m.collect(2, "150 0 0 1050 0 0 0 0 0 0");
  expect_metric(m.rows, "cpu_utilization", "50");
  m.peek(2.05, "153 0 0 1052 0 0 0 0 0 0");  // Too soon: as the last tick.
  expect_metric(m.rows, "cpu_utilization", "50");
  m.peek(3, "240 0 0 1060 0 0 0 0 0 0");
  expect_metric(m.rows, "cpu_utilization", "90");
  m.peek(3.5, "nonsense");
  m.collect(4, "250 0 0 1150 0 0 0 0 0 0");  // Both seconds, not only what came after the sample.
  expect_metric(m.rows, "cpu_utilization", "50");
  m.collect(5, "250 0 0 1250 0 0 0 0 0 0");
  m.peek(6, "350 0 0 1250 0 0 0 0 0 0");
  m.collect(7, "350 0 0 1350 0 0 0 0 0 0");
  expect_metric(m.rows, "cpu_utilization", "50");
}

TEST(Cpu, StandingTicksRepeatToo) {
  Machine m;
  m.collect(1, "100 0 0 1000 0 0 0 0 0 0");
  m.collect(2, "100 0 0 1000 0 0 0 0 0 0");
  expect_metric(m.rows, "cpu_utilization", "-");
}

TEST(Cpu, AStatThatGoesAwayStartsAnew) {
  Machine m;
  m.collect(1, "100 0 0 1000 0 0 0 0 0 0");
  m.collect(2, "150 0 0 1050 0 0 0 0 0 0");
  m.collect(3, "nonsense");
  expect_metric(m.rows, "cpu_utilization", "-");
  expect_metric(m.rows, "cpu_num", "-");
  EXPECT_EQ(m.probes.stats().malformed, 1u);
  m.collect(4, "200 0 0 1100 0 0 0 0 0 0");
  expect_metric(m.rows, "cpu_utilization", "-");
  m.collect(5, "250 0 0 1150 0 0 0 0 0 0");
  expect_metric(m.rows, "cpu_utilization", "50");
}

TEST(Cpu, NumberOfCpusPrefersTheListOfThoseOnline) {
  Machine m;
  m.tree.write("sys/devices/system/cpu/online", "0-1,4\n");
  m.collect(1, "1 0 0 1", 2);
  expect_metric(m.rows, "cpu_num", "3");
  m.tree.write("sys/devices/system/cpu/online", "rubbish\n");
  m.collect(2, "1 0 0 1", 2);
  expect_metric(m.rows, "cpu_num", "2");
}

}  // namespace
}  // namespace dragonfly::linux_probe
