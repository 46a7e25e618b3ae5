#include "model/catalogue/fields.h"

#include <gtest/gtest.h>

#include "model/catalogue/catalogue.h"

namespace dragonfly {
namespace {

TEST(Fields, AreTheCatalogues) {
  const auto f = [](GroupId group, size_t field, const char* name) {
    const Metric* metric = find_metric(name);
    ASSERT_NE(metric, nullptr) << name;
    EXPECT_EQ(metric->group, group) << name;
    EXPECT_EQ(metric->field, field) << name;
  };
  f(GroupId::kCpu, cpu_field::kUtilization, "cpu_utilization");
  f(GroupId::kCpu, cpu_field::kSystem, "cpu_system");
  f(GroupId::kCpu, cpu_field::kIdle, "cpu_idle");
  f(GroupId::kCpu, cpu_field::kIowait, "cpu_iowait");
  f(GroupId::kCpu, cpu_field::kHintr, "cpu_hintr");
  f(GroupId::kCpu, cpu_field::kSintr, "cpu_sintr");
  f(GroupId::kCpu, cpu_field::kUser, "cpu_user");
  f(GroupId::kCpu, cpu_field::kNice, "cpu_nice");
  f(GroupId::kCpu, cpu_field::kSteal, "cpu_steal");
  f(GroupId::kCpu, cpu_field::kGuest, "cpu_guest");
  f(GroupId::kCpu, cpu_field::kGuestNice, "cpu_guest_nice");
  f(GroupId::kCpu, cpu_field::kNum, "cpu_num");
  f(GroupId::kCpu, cpu_field::kUptime, "uptime");
  f(GroupId::kCpu, cpu_field::kLoad1, "load_avg_1m");
  f(GroupId::kCpu, cpu_field::kLoad5, "load_avg_5m");
  f(GroupId::kCpu, cpu_field::kLoad15, "load_avg_15m");
  f(GroupId::kCpu, cpu_field::kUserNum, "user_num");
  f(GroupId::kCpu, cpu_field::kProcRun, "proc_run");
  f(GroupId::kCpu, cpu_field::kProcNum, "proc_num");
  EXPECT_EQ(metrics_of(GroupId::kCpu).size(), cpu_field::kCount);
  f(GroupId::kMemory, memory_field::kUtilization, "mem_utilization");
  f(GroupId::kMemory, memory_field::kTotal, "mem_total");
  f(GroupId::kMemory, memory_field::kUsed, "mem_used");
  f(GroupId::kMemory, memory_field::kFree, "mem_free");
  f(GroupId::kMemory, memory_field::kShared, "mem_shared");
  f(GroupId::kMemory, memory_field::kBuffers, "mem_buffers");
  f(GroupId::kMemory, memory_field::kCached, "mem_cached");
  f(GroupId::kMemory, memory_field::kSwapUtilization, "swap_utilization");
  f(GroupId::kMemory, memory_field::kSwapUsed, "swap_used");
  f(GroupId::kMemory, memory_field::kSwapFree, "swap_free");
  f(GroupId::kMemory, memory_field::kSwapIn, "swap_in");
  f(GroupId::kMemory, memory_field::kSwapOut, "swap_out");
  f(GroupId::kMemory, memory_field::kPageIn, "page_in");
  f(GroupId::kMemory, memory_field::kPageOut, "page_out");
  EXPECT_EQ(metrics_of(GroupId::kMemory).size(), memory_field::kCount);
  f(GroupId::kDisk, disk_field::kUtilization, "disk_utilization");
  f(GroupId::kDisk, disk_field::kTotal, "disk_total");
  f(GroupId::kDisk, disk_field::kUsed, "disk_used");
  f(GroupId::kDisk, disk_field::kFree, "disk_free");
  f(GroupId::kDisk, disk_field::kKbRead, "kb_read");
  f(GroupId::kDisk, disk_field::kKbWritten, "kb_written");
  f(GroupId::kDisk, disk_field::kOpsRead, "ops_read");
  f(GroupId::kDisk, disk_field::kOpsWrite, "ops_write");
  f(GroupId::kDisk, disk_field::kReadTime, "read_time");
  f(GroupId::kDisk, disk_field::kWriteTime, "write_time");
  EXPECT_EQ(metrics_of(GroupId::kDisk).size(), disk_field::kCount);
  f(GroupId::kNetwork, network_field::kBytesIn, "bytes_in");
  f(GroupId::kNetwork, network_field::kBytesOut, "bytes_out");
  f(GroupId::kNetwork, network_field::kPacketsIn, "pkts_in");
  f(GroupId::kNetwork, network_field::kPacketsOut, "pkts_out");
  f(GroupId::kNetwork, network_field::kErrorsIn, "err_in");
  f(GroupId::kNetwork, network_field::kErrorsOut, "err_out");
  f(GroupId::kNetwork, network_field::kDropsIn, "drop_in");
  f(GroupId::kNetwork, network_field::kDropsOut, "drop_out");
  EXPECT_EQ(metrics_of(GroupId::kNetwork).size(), network_field::kCount);
  f(GroupId::kCpufreq, cpufreq_field::kSpeed, "cpu_speed");
  EXPECT_EQ(metrics_of(GroupId::kCpufreq).size(), cpufreq_field::kCount);
}

}  // namespace
}  // namespace dragonfly
