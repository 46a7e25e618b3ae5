// All 52 metrics of every tree of tests/fixtures/proc: the exact value, or "-" for absent.
#include <string>

#include "edge/probe/linux/fixture.h"

namespace dragonfly::linux_probe {
namespace {

// Collects from the tree, then from it with `second` laid over, and looks at the second rows.
void f(const std::string& name, const std::string& second, const char* expected) {
  SCOPED_TRACE(name);
  Tree tree(name);
  ProbeSet probes(tree.options());
  std::vector<Row> rows;
  probes.collect(from_unix_ms(1'700'000'000'000), at_seconds(100), false, rows);
  for (const char* percentage : {"cpu_utilization", "cpu_idle", "cpu_user", "cpu_guest_nice"})
    expect_metric(rows, percentage, "-");
  if (!second.empty()) tree.lay_over(second);
  const Timestamp now = from_unix_ms(1'700'000'002'000);
  probes.collect(now, at_seconds(102), false, rows);
  for (const Row& row : rows) {
    EXPECT_EQ(row.time, now);
    EXPECT_EQ(row.device, 0u);
  }
  expect_all(rows, expected);
  EXPECT_EQ(probes.stats().malformed, 0u);
}

TEST(Trees, Current) {
  f("current", "current.t1", R"(
    cpu_utilization 100  cpu_system 10.1  cpu_idle 0  cpu_iowait 0  cpu_hintr 0  cpu_sintr 1.04  cpu_user 88.86
    cpu_nice 0  cpu_steal 0  cpu_guest 0  cpu_guest_nice 0
    cpu_num 2  uptime 1615.62  load_avg_1m 3.21  load_avg_5m 2.63  load_avg_15m 1.21  user_num -  proc_run 4  proc_num 5
    mem_utilization 2.28  mem_total 25276026880  mem_used 576831488  mem_free 24014192640  mem_shared 9097216
    mem_buffers 11083776  mem_cached 673918976
    swap_utilization 0  swap_used 0  swap_free 0
    swap_in 0  swap_out 0  page_in 2081104896  page_out 1889390592
    disk_utilization 17.46  disk_total 270553174016  disk_used 17935212544  disk_free 84810067968
    kb_read 2032329  kb_written 1845108  ops_read 74234  ops_write 29664  read_time 16190  write_time 12855
    bytes_in 161965167  bytes_out 168368  pkts_in 4657  pkts_out 2412  err_in 0  err_out 0  drop_in 0  drop_out 0
    cpu_speed 2096.04
  )");
}

TEST(Trees, Kernel310) {
  f("kernel_3_10", "kernel_3_10.t1", R"(
    cpu_utilization 50  cpu_system 12.5  cpu_idle 50  cpu_iowait 1  cpu_hintr 0.25  cpu_sintr 0.75
    cpu_user 25  cpu_nice 2.5  cpu_steal 0.5  cpu_guest 5  cpu_guest_nice 2.5
    cpu_num 2  uptime 9832.55  load_avg_1m 0.08  load_avg_5m 0.03  load_avg_15m 0.05  user_num 2  proc_run 2  proc_num 7
    mem_utilization 33.92  mem_total 1929216000  mem_used 654336000  mem_free 905216000  mem_shared 8806400
    mem_buffers 782336  mem_cached 368881664
    swap_utilization 2.38  swap_used 51200000  swap_free 2096279552
    swap_in 122880  swap_out 51200000  page_in 1264196608  page_out 7838024704
    disk_utilization 12.55  disk_total 29701935104  disk_used 3660000000  disk_free 25507235840
    kb_read 802000  kb_written 1600320  ops_read 20500  ops_write 50040  read_time 15250  write_time 90100
    bytes_in 3300000  bytes_out 970000  pkts_in 23000  pkts_out 11700  err_in 1  err_out 3  drop_in 3  drop_out 4
    cpu_speed 2400
  )");
}

}  // namespace
}  // namespace dragonfly::linux_probe
