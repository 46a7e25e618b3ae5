#include "edge/probe/linux/memory.h"

#include "edge/probe/linux/fixture.h"

namespace dragonfly::linux_probe {
namespace {

std::vector<Row> collect(const std::string& meminfo, const std::string& vmstat = "") {
  Tree tree;
  tree.write("proc/meminfo", meminfo);
  tree.write("proc/vmstat", vmstat);
  std::vector<Row> rows;
  ProbeSet(tree.options()).collect(from_unix_ms(0), at_seconds(0), false, rows);
  return rows;
}

TEST(Memory, UsedIsNeverBelowZero) {
  const auto rows = collect("MemTotal: 100 kB\nMemFree: 60 kB\nBuffers: 10 kB\nCached: 50 kB\n");
  expect_metric(rows, "mem_used", "0");
  expect_metric(rows, "mem_utilization", "0");
}

TEST(Memory, ReclaimableSlabCountsAsCache) {
  const auto rows = collect("MemTotal: 100 kB\nMemFree: 10 kB\nBuffers: 10 kB\nCached: 20 kB\nSReclaimable: 10 kB\n");
  expect_metric(rows, "mem_cached", "30720");
  expect_metric(rows, "mem_used", "51200");
  expect_metric(rows, "mem_utilization", "50");
}

TEST(Memory, Swap) {
  const auto f = [](const std::string& meminfo, const char* utilization, const char* used, const char* free) {
    const auto rows = collect(meminfo);
    expect_metric(rows, "swap_utilization", utilization);
    expect_metric(rows, "swap_used", used);
    expect_metric(rows, "swap_free", free);
  };
  f("SwapTotal: 0 kB\nSwapFree: 0 kB\n", "0", "0", "0");
  f("SwapTotal: 3 kB\nSwapFree: 2 kB\n", "33.33", "1024", "2048");
  f("SwapTotal: 3 kB\nSwapFree: 4 kB\n", "0", "0", "4096");
  f("SwapTotal: 3 kB\n", "-", "-", "-");
  f("SwapTotal: x kB\nSwapFree: 2 kB\n", "-", "-", "2048");
}

TEST(Memory, PagingCounters) {
  const auto rows = collect("", "pgpgin 5\npgpgout 6\npgpgoutextra 9\npswpin 1\npswpout 2\n");
  expect_metric(rows, "page_in", "5120");
  expect_metric(rows, "page_out", "6144");
  expect_metric(rows, "swap_in", "4096");
  expect_metric(rows, "swap_out", "8192");
  // A kernel without swap does not count it.
  const auto without = collect("", "pgpgin 5\npgpgout 6\n");
  expect_metric(without, "swap_in", "-");
  expect_metric(without, "page_in", "5120");
}

}  // namespace
}  // namespace dragonfly::linux_probe
