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

TEST(Trees, Kernel2632) {
  f("kernel_2_6_32", "kernel_2_6_32.t1", R"(
    cpu_utilization 25  cpu_system 5  cpu_idle 75  cpu_iowait 3  cpu_hintr 0.5  cpu_sintr 1.5  cpu_user 15  cpu_nice 0
    cpu_steal 0  cpu_guest 0  cpu_guest_nice -
    cpu_num 1  uptime 4466.07  load_avg_1m 0.15  load_avg_5m 0.1  load_avg_15m 0.01  user_num 1  proc_run 1  proc_num 4
    mem_utilization 25  mem_total 514048000  mem_used 128512000  mem_free 102809600  mem_shared 204800
    mem_buffers 51404800  mem_cached 231321600
    swap_utilization 0  swap_used 0  swap_free 1073733632
    swap_in 0  swap_out 0  page_in 409600000  page_out 307200000
    disk_utilization 26.19  disk_total 20500000000  disk_used 5100000000  disk_free 14374000000
    kb_read 175000  kb_written 107000  ops_read 10000  ops_write 8000  read_time 40700  write_time 91700
    bytes_in 123456789  bytes_out 23456789  pkts_in 98765  pkts_out 54321  err_in 2  err_out 4  drop_in 3  drop_out 5
    cpu_speed 1997.33
  )");
}

TEST(Trees, Container) {
  f("container", "container.t1", R"(
    cpu_utilization 43.75  cpu_system 12.5  cpu_idle 56.25  cpu_iowait 2.5  cpu_hintr 0  cpu_sintr 1.25  cpu_user 25
    cpu_nice 0  cpu_steal 2.5  cpu_guest 0  cpu_guest_nice 0
    cpu_num 4  uptime 250000.25  load_avg_1m 1.5  load_avg_5m 1.25  load_avg_15m 1  user_num -  proc_run 3  proc_num 3
    mem_utilization 25  mem_total 536870912  mem_used 134217728  mem_free 268435456  mem_shared 1048576
    mem_buffers 0  mem_cached 134217728
    swap_utilization 0  swap_used 0  swap_free 0
    swap_in 0  swap_out 0  page_in 5120000000  page_out 9216000000
    disk_utilization 23.06  disk_total 95886742528  disk_used 22000000000  disk_free 73386742528
    kb_read 4000000  kb_written 8000000  ops_read 100000  ops_write 200000  read_time 30000  write_time 90000
    bytes_in 888888  bytes_out 666666  pkts_in 777  pkts_out 555  err_in 0  err_out 0  drop_in 0  drop_out 0
    cpu_speed 2675.19
  )");
}

TEST(Trees, ArmBoard) {
  f("arm_board", "arm_board.t1", R"(
    cpu_utilization 20  cpu_system 5  cpu_idle 80  cpu_iowait 1.5  cpu_hintr 0  cpu_sintr 1  cpu_user 12.5
    cpu_nice 0  cpu_steal 0  cpu_guest 0  cpu_guest_nice 0
    cpu_num 3  uptime 77777.7  load_avg_1m 0.52  load_avg_5m 0.58  load_avg_15m 0.59  user_num 1  proc_run 1  proc_num 6
    mem_utilization 23.73  mem_total 971063296  mem_used 230400000  mem_free 307200000  mem_shared 12288000
    mem_buffers 40960000  mem_cached 392503296
    swap_utilization 15.64  swap_used 75927552  swap_free 409600000
    swap_in 4915200  swap_out 81920000  page_in 1536000000  page_out 819200000
    disk_utilization 13.55  disk_total 31260000000  disk_used 4060000000  disk_free 25900000000
    kb_read 1500400  kb_written 800000  ops_read 30010  ops_write 20000  read_time 60015  write_time 250000
    bytes_in 70000000  bytes_out 8000000  pkts_in 60000  pkts_out 30000  err_in 0  err_out 1  drop_in 12  drop_out 0
    cpu_speed 1050
  )");
}

TEST(Trees, BigMachine) {
  f("big_machine", "big_machine.t1", R"(
    cpu_utilization 75  cpu_system 15  cpu_idle 25  cpu_iowait 0  cpu_hintr 0  cpu_sintr 0  cpu_user 60
    cpu_nice 0  cpu_steal 0  cpu_guest 0  cpu_guest_nice 0
    cpu_num 64  uptime 8640000.01  load_avg_1m 63.99  load_avg_5m 48.5  load_avg_15m 32.01
    user_num 0  proc_run 70  proc_num 4
    mem_utilization 14.2  mem_total 1081344000000  mem_used 153600000000  mem_free 57344000000  mem_shared 5120000000
    mem_buffers 1024000000  mem_cached 869376000000
    swap_utilization 0  swap_used 0  swap_free 0
    swap_in 0  swap_out 0  page_in 126419751948288  page_out 240197519485952
    disk_utilization 49.99  disk_total 320100000000000  disk_used 160025000000000  disk_free 160075000000000
    kb_read 306520  kb_written 613040  ops_read 76630  ops_write 153260  read_time 153260  write_time 306520
    bytes_in 100000000100000  bytes_out 200000000200000  pkts_in 1000000001000  pkts_out 2000000002000
    err_in 2  err_out 6  drop_in 4  drop_out 8
    cpu_speed 2315
  )");
}

TEST(Trees, MissingFiles) {
  f("missing_files", "missing_files.t1", R"(
    cpu_utilization 50  cpu_system 25  cpu_idle 50  cpu_iowait -  cpu_hintr -  cpu_sintr -  cpu_user 25
    cpu_nice 0  cpu_steal -  cpu_guest -  cpu_guest_nice -
    cpu_num 2  uptime -  load_avg_1m -  load_avg_5m -  load_avg_15m -  user_num -  proc_run -  proc_num -
    mem_utilization -  mem_total 1024000000  mem_used -  mem_free 614400000  mem_shared -
    mem_buffers -  mem_cached 102400000
    swap_utilization -  swap_used -  swap_free -  swap_in -  swap_out -  page_in -  page_out -
    disk_utilization -  disk_total -  disk_used -  disk_free -
    kb_read 1340  kb_written 2480  ops_read 135  ops_write 247  read_time 14  write_time 26
    bytes_in 1100  bytes_out 2200  pkts_in 11  pkts_out 44  err_in 22  err_out 55  drop_in 33  drop_out 66
    cpu_speed -
  )");
}

TEST(Trees, NothingAtAll) {
  Tree tree;
  ProbeSet probes(tree.options());
  std::vector<Row> rows;
  probes.collect(from_unix_ms(1), at_seconds(1), true, rows);
  EXPECT_TRUE(rows.empty());
  EXPECT_GE(probes.stats().missing, 9u);
  EXPECT_EQ(probes.boot_id(), "");
  EXPECT_EQ(probes.os_name(), "");

  ProbeOptions options = tree.options();
  options.root = "/no/such/folder";
  ProbeSet nowhere(options);
  nowhere.collect(from_unix_ms(1), at_seconds(1), true, rows);
  EXPECT_TRUE(rows.empty());
}

TEST(Trees, NamesOfTheMachine) {
  Tree tree("kernel_3_10");
  ProbeSet probes(tree.options());
  EXPECT_EQ(probes.boot_id(), "5d0b7a44-3a0c-4c4f-9f0e-3f1d5f1a0310");
  EXPECT_EQ(probes.os_name(), "CentOS Linux 7 (Core)");
  tree.write("etc/os-release", "PRETTY_NAME='Some Linux'\n");
  EXPECT_EQ(probes.os_name(), "Some Linux");
  tree.write("etc/os-release", "ID=x\n");
  tree.write("proc/sys/kernel/ostype", "Linux\n");
  EXPECT_EQ(probes.os_name(), "Linux");
}

}  // namespace
}  // namespace dragonfly::linux_probe
