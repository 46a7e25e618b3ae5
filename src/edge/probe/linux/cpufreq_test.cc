#include "edge/probe/linux/cpufreq.h"

#include <fmt/format.h>

#include "edge/probe/linux/fixture.h"

namespace dragonfly::linux_probe {
namespace {

TEST(Cpufreq, CpuinfoMean) {
  const auto f = [](std::string_view text, std::optional<uint64_t> expected) {
    EXPECT_EQ(parse_cpuinfo_mhz(text), expected) << text;
  };
  f("cpu MHz\t\t: 2000.000\n", 200000);
  f("processor: 0\ncpu MHz\t\t: 1000.004\n\nprocessor: 1\ncpu MHz : 1000.008\n", 100001);
  f("cpu MHz: x\ncpu MHz\t: 100\n", 10000);
  f("cpu MHz : 99999999\n", std::nullopt);
  f("cpu MHz", std::nullopt);
  f("BogoMIPS: 108.00\n", std::nullopt);
  f("", std::nullopt);
}

TEST(Cpufreq, ScalingIsPreferredAndOnlyTheOnlineCount) {
  Tree tree;
  ProbeSet probes(tree.options());
  std::vector<Row> rows;
  const auto scaling = [&](int cpu, const std::string& text) {
    tree.write(fmt::format("sys/devices/system/cpu/cpu{}/cpufreq/scaling_cur_freq", cpu), text);
  };
  const auto f = [&](const char* expected) {
    probes.collect(from_unix_ms(0), at_seconds(0), false, rows);
    expect_metric(rows, "cpu_speed", expected);
  };
  tree.write("proc/cpuinfo", "cpu MHz : 777\n");
  tree.write("sys/devices/system/cpu/online", "0-1\n");
  scaling(0, "1000000\n");
  scaling(1, "2000010\n");
  scaling(2, "9000000\n");
  f("1500.01");
  // A CPU goes off line, another comes.
  tree.write("sys/devices/system/cpu/online", "0,2\n");
  f("5000");
  // A driver that is being changed does not know; the other CPU does.
  scaling(0, "<unknown>\n");
  f("9000");
  scaling(2, "<unknown>\n");
  f("777");
  // It is looked for again, but not at once.
  scaling(2, "3000000\n");
  for (int i = 0; i < 31; ++i) probes.collect(from_unix_ms(0), at_seconds(0), false, rows);
  expect_metric(rows, "cpu_speed", "3000");
}

}  // namespace
}  // namespace dragonfly::linux_probe
