#include "edge/probe/linux/disk.h"

#include <fmt/format.h>

#include "edge/probe/linux/fixture.h"

namespace dragonfly::linux_probe {
namespace {

// n reads of one sector pair in n ms; twice that in writes.
std::string line(const std::string& name, uint64_t n) {
  return fmt::format("   8       0 {} {} 0 {} {} {} 0 {} {} 0 0 0\n", name, n, 2 * n, n, 2 * n, 4 * n, 2 * n);
}

TEST(Disk, Lines) {
  const auto disk = parse_disk_line("   8       0 sda 1 2 7 4 5 6 9 8 0 1 2");
  ASSERT_TRUE(disk.has_value());
  EXPECT_EQ(disk->name, "sda");
  EXPECT_EQ(disk->counters, (std::array<uint64_t, 6>{3, 4, 1, 5, 4, 8}));
  for (const char* text : {"", "8", "8 0", "8 0 sda", "8 0 sda 1 2 3 4 5 6 7", "x 0 sda 1 2 3 4 5 6 7 8",
                           "8 0 sda 1 2 -3 4 5 6 7 8", "3 1 hda1 10 20 30 40"})
    EXPECT_FALSE(parse_disk_line(text).has_value()) << text;
}

TEST(Disk, NamesThatNeverAre) {
  for (const char* name :
       {"loop0", "ram15", "zram0", "dm-12", "md127", "md_d0", "sr0", "scd1", "zd16", "bcache0", "drbd0", "nvme0c1n1"})
    EXPECT_TRUE(is_never_a_disk(name)) << name;
  for (const char* name : {"sda", "sr", "srx", "vda", "xvda1", "nvme0n1", "nvme10n1", "mmcblk0", "mmcblk0boot0", "nbd0",
                           "rbd0", "pmem0", "dasda", "md", "ramdisk", "cciss/c0d0"})
    EXPECT_FALSE(is_never_a_disk(name)) << name;
}

TEST(Disk, NamesOfPartitions) {
  const auto f = [](const char* name, const char* whole) { EXPECT_EQ(name_of_whole(name), whole) << name; };
  f("sda1", "sda");
  f("xvdba15", "xvdba");
  f("nvme0n1p2", "nvme0n1");
  f("mmcblk0p1", "mmcblk0");
  f("cciss/c0d0p3", "cciss/c0d0");
  f("sda", "");
  f("sdp1", "sdp");
  f("7", "");
  f("", "");
}

struct Machine {
  Tree tree;
  ProbeSet probes{tree.options()};
  std::vector<Row> rows;

  void collect(const std::string& diskstats, bool with_devices = true) {
    tree.write("proc/diskstats", diskstats);
    probes.collect(from_unix_ms(0), at_seconds(0), with_devices, rows);
  }
  std::string device_of(size_t row) { return probes.devices().at(rows.at(row).device - 1); }
};

TEST(Disk, DevicesComeAndGo) {
  Machine m;
  m.collect(line("sda", 1) + line("sdb", 10));
  expect_metric(m.rows, "ops_read", "11");
  EXPECT_EQ(m.probes.devices(), (std::vector<std::string>{"sda", "sdb"}));
  ASSERT_EQ(m.rows.size(), 3u);
  expect_metric(m.rows, "ops_read", "1", 1);
  expect_metric(m.rows, "ops_read", "10", 2);
  expect_metric(m.rows, "kb_written", "20", 2);
  expect_metric(m.rows, "disk_total", "-", 2);
  const uint64_t two = m.probes.devices_changed();

  // sda is pulled out: the sum falls, sdb keeps its index, the dictionary does not change.
  m.collect(line("sdb", 11));
  expect_metric(m.rows, "ops_read", "11");
  ASSERT_EQ(m.rows.size(), 2u);
  EXPECT_EQ(m.device_of(1), "sdb");
  EXPECT_EQ(m.rows[1].device, 2u);
  EXPECT_EQ(m.probes.devices_changed(), two);

  // Another comes, then sda again: only the new name is new.
  m.collect(line("sdb", 12) + line("sdc", 100) + line("sda", 2));
  expect_metric(m.rows, "ops_read", "114");
  EXPECT_EQ(m.probes.devices(), (std::vector<std::string>{"sda", "sdb", "sdc"}));
  EXPECT_NE(m.probes.devices_changed(), two);
  expect_metric(m.rows, "ops_read", "2", 1);
  expect_metric(m.rows, "ops_read", "100", 3);

  m.collect("");
  EXPECT_TRUE(m.rows.empty());
}

TEST(Disk, WithoutDevicesThereIsOneRow) {
  Machine m;
  m.collect(line("sda", 1) + line("sdb", 10), false);
  EXPECT_EQ(m.rows.size(), 1u);
  EXPECT_TRUE(m.probes.devices().empty());
  EXPECT_EQ(m.probes.devices_changed(), 0u);
}

TEST(Disk, CountersBeyondAndAtTheWrapAreSumsOfWhatTheKernelSays) {
  Machine m;
  m.collect("8 0 sda 4294967295 0 8589934590 4294967295 1 0 2 3 0 0 0\n");
  expect_metric(m.rows, "ops_read", "4294967295");
  expect_metric(m.rows, "kb_read", "4294967295");
  // 32-bit kernels wrap: the total falls, which a reader of counters takes for a reset.
  m.collect("8 0 sda 5 0 10 5 1 0 2 3 0 0 0\n");
  expect_metric(m.rows, "ops_read", "5");
  expect_metric(m.rows, "kb_read", "5");
}

TEST(Disk, StackedAndHiddenOnesDoNotCountTwice) {
  Machine m;
  m.tree.write("sys/block/sda/device/model", "x");
  m.tree.write("sys/block/sda/sda1/partition", "1");
  m.tree.write("sys/block/custom0/slaves/sda/dev", "8:0");
  m.tree.write("sys/block/nvme0n1/hidden", "0\n");
  m.tree.write("sys/block/path0/hidden", "1\n");
  m.tree.write("sys/block/cciss!c0d0/dev", "104:0\n");
  m.tree.write("sys/block/xvda1/dev", "202:1\n");
  m.collect(line("sda", 1) + line("sda1", 2) + line("custom0", 4) + line("nvme0n1", 8) + line("path0", 16) +
            line("cciss/c0d0", 32) + line("xvda1", 64) + line("elsewhere", 128) + line("loop0", 256));
  expect_metric(m.rows, "ops_read", "105");  // sda, nvme0n1, cciss/c0d0, xvda1
}

TEST(Disk, AtMostThatManyDevicesHaveRows) {
  const auto f = [](size_t count, size_t expected_rows) {
    Machine m;
    std::string text;
    for (size_t i = 0; i < count; ++i) text += line(fmt::format("disk{}x", i), 1);
    m.collect(text);
    expect_metric(m.rows, "ops_read", std::to_string(count));  // All count.
    EXPECT_EQ(m.rows.size(), 1 + expected_rows);
    EXPECT_EQ(m.probes.devices().size(), expected_rows);
    EXPECT_EQ(m.probes.stats().devices_over, count - expected_rows);
  };
  f(kProbeDevicesMax, kProbeDevicesMax);
  f(kProbeDevicesMax + 1, kProbeDevicesMax);
}

TEST(Disk, ANameThatIsNoNameHasNoRow) {
  Machine m;
  m.collect(line("sd\x01", 1) + line(std::string(kProbeDeviceNameMax, 'a'), 2) +
            line(std::string(kProbeDeviceNameMax + 1, 'b'), 4));
  expect_metric(m.rows, "ops_read", "7");
  EXPECT_EQ(m.probes.devices(), std::vector<std::string>{std::string(kProbeDeviceNameMax, 'a')});
}

TEST(Disk, RowsAreReusedWithoutRest) {
  Machine m;
  m.collect(line("sda", 1) + line("sdb", 2));
  m.collect(line("sda", 1), false);
  m.collect(line("sdb", 5));
  ASSERT_EQ(m.rows.size(), 2u);
  EXPECT_EQ(m.rows[0].device, 0u);
  EXPECT_EQ(m.device_of(1), "sdb");
}

}  // namespace
}  // namespace dragonfly::linux_probe
