// The probes on the machine that runs the test.
#include <unistd.h>

#include <ctime>

#include "edge/probe/linux/fixture.h"

namespace dragonfly::linux_probe {
namespace {

TEST(RealMachine, GivesWhatEveryLinuxHas) {
  ProbeSet probes;
  std::vector<Row> rows;
  probes.collect(from_unix_ms(1), at_seconds(1), false, rows);
  // Work until the kernel has counted some ticks.
  const long begin = ::clock();
  while (::clock() - begin < CLOCKS_PER_SEC / 5) {
  }
  probes.collect(from_unix_ms(2), at_seconds(2), true, rows);
  const auto value = [&rows](std::string_view name) {
    const Metric* metric = find_metric(name);
    const Row* row = row_of(rows, metric->group);
    return row == nullptr ? std::nullopt : row->values[metric->field];
  };
  for (const char* name : {"cpu_utilization", "cpu_idle", "cpu_user", "cpu_num", "uptime", "load_avg_1m", "proc_run",
                           "proc_num", "mem_utilization", "mem_total", "mem_used", "page_in"}) {
    EXPECT_TRUE(value(name).has_value()) << name;
  }
  const double busy = std::bit_cast<double>(value("cpu_utilization")->bits);
  EXPECT_GT(busy, 0);
  EXPECT_LE(busy, 100);
  EXPECT_EQ(value("cpu_num")->bits, static_cast<uint64_t>(::sysconf(_SC_NPROCESSORS_ONLN)));
  EXPECT_GT(value("mem_total")->bits, value("mem_used")->bits);
  EXPECT_EQ(probes.boot_id().size(), 36u);
  EXPECT_EQ(probes.os_type(), "linux");
  EXPECT_FALSE(probes.os_name().empty());
  EXPECT_EQ(probes.stats().malformed, 0u);
  for (const Row& row : rows) EXPECT_LE(row.device, probes.devices().size());
}

TEST(RealMachine, FilesMayBeReadAgainAndAgainWithoutLeavingAnyOpen) {
  ProbeSet probes;
  std::vector<Row> rows;
  const auto open_files = [] {
    size_t count = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) ++count;
    return count;
  };
  for (int i = 0; i < 40; ++i) probes.collect(from_unix_ms(i), at_seconds(i), true, rows);
  const size_t before = open_files();
  for (int i = 40; i < 140; ++i) probes.collect(from_unix_ms(i), at_seconds(i), true, rows);
  EXPECT_EQ(open_files(), before);
}

}  // namespace
}  // namespace dragonfly::linux_probe
