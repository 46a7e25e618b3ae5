#include "model/catalogue/catalogue.h"

#include <algorithm>

namespace dragonfly {
namespace {

constexpr std::string_view kCpuUtilization[] = {"usage_utilization"};
constexpr std::string_view kCpuSystem[] = {"usage_system"};
constexpr std::string_view kCpuIdle[] = {"usage_idle"};
constexpr std::string_view kCpuIowait[] = {"usage_iowait"};
constexpr std::string_view kCpuHintr[] = {"usage_irq"};
constexpr std::string_view kCpuSintr[] = {"usage_softirq"};
constexpr std::string_view kCpuUser[] = {"usage_user", "cpu_usr"};
constexpr std::string_view kCpuNice[] = {"usage_nice"};
constexpr std::string_view kCpuSteal[] = {"usage_steal"};
constexpr std::string_view kCpuGuest[] = {"usage_guest"};
constexpr std::string_view kCpuGuestNice[] = {"usage_guest_nice"};
constexpr std::string_view kCpuNum[] = {"n_cpus"};
constexpr std::string_view kLoadAvg1m[] = {"load1", "cpu_load_avg_1"};
constexpr std::string_view kLoadAvg5m[] = {"load5", "cpu_load_avg_5"};
constexpr std::string_view kLoadAvg15m[] = {"load15", "cpu_load_avg_15", "load_avg_10m"};
constexpr std::string_view kUserNum[] = {"n_users"};
constexpr std::string_view kProcRun[] = {"running"};
constexpr std::string_view kProcNum[] = {"total"};
constexpr std::string_view kMemUtilization[] = {"used_percent"};
constexpr std::string_view kMemTotal[] = {"total"};
constexpr std::string_view kMemUsed[] = {"used"};
constexpr std::string_view kMemFree[] = {"free"};
constexpr std::string_view kMemShared[] = {"shared"};
constexpr std::string_view kMemBuffers[] = {"buffered"};
constexpr std::string_view kMemCached[] = {"cached"};
constexpr std::string_view kSwapUtilization[] = {"swap.used_percent"};
constexpr std::string_view kSwapUsed[] = {"swap.used"};
constexpr std::string_view kSwapFree[] = {"swap.free"};
constexpr std::string_view kSwapIn[] = {"swap.in"};
constexpr std::string_view kSwapOut[] = {"swap.out"};
constexpr std::string_view kPageIn[] = {"pgpgin"};
constexpr std::string_view kPageOut[] = {"pgpgout"};
constexpr std::string_view kDiskUtilization[] = {"used_percent"};
constexpr std::string_view kDiskTotal[] = {"total"};
constexpr std::string_view kDiskUsed[] = {"used"};
constexpr std::string_view kDiskFree[] = {"free"};
constexpr std::string_view kKbRead[] = {"read_bytes"};
constexpr std::string_view kKbWritten[] = {"write_bytes"};
constexpr std::string_view kOpsRead[] = {"reads", "iops_read"};
constexpr std::string_view kOpsWrite[] = {"writes", "iops_write"};
constexpr std::string_view kBytesIn[] = {"bytes_recv"};
constexpr std::string_view kBytesOut[] = {"bytes_sent"};
constexpr std::string_view kPktsIn[] = {"packets_recv"};
constexpr std::string_view kPktsOut[] = {"packets_sent"};
constexpr std::string_view kErrIn[] = {"errors_in"};
constexpr std::string_view kErrOut[] = {"errors_out"};
constexpr std::string_view kDropIn[] = {"drops_in"};
constexpr std::string_view kDropOut[] = {"drops_out"};
constexpr std::string_view kCpuSpeed[] = {"cur_freq"};

// name, group, field, kind, type, unit, meaning, source on Linux, aliases, era
constexpr Metric kMetrics[] = {
    {"cpu_utilization", GroupId::kCpu, 0, MetricKind::kGauge, ValueType::kFloat64, "percent",
     "busy share of all CPUs since the last sample: 100 - cpu_idle (I/O wait counts as busy)", "/proc/stat cpu",
     kCpuUtilization, 2019},
    {"cpu_system", GroupId::kCpu, 1, MetricKind::kGauge, ValueType::kFloat64, "percent", "time in the kernel",
     "/proc/stat cpu", kCpuSystem, 2019},
    {"cpu_idle", GroupId::kCpu, 2, MetricKind::kGauge, ValueType::kFloat64, "percent", "idle", "/proc/stat cpu",
     kCpuIdle, 2019},
    {"cpu_iowait", GroupId::kCpu, 3, MetricKind::kGauge, ValueType::kFloat64, "percent", "idle while waiting for I/O",
     "/proc/stat cpu", kCpuIowait, 2019},
    {"cpu_hintr", GroupId::kCpu, 4, MetricKind::kGauge, ValueType::kFloat64, "percent", "hardware interrupts",
     "/proc/stat cpu (irq)", kCpuHintr, 2019},
    {"cpu_sintr", GroupId::kCpu, 5, MetricKind::kGauge, ValueType::kFloat64, "percent", "soft interrupts",
     "/proc/stat cpu (softirq)", kCpuSintr, 2019},
    {"cpu_user", GroupId::kCpu, 6, MetricKind::kGauge, ValueType::kFloat64, "percent",
     "user space (without nice and guest)", "/proc/stat cpu", kCpuUser, 2020},
    {"cpu_nice", GroupId::kCpu, 7, MetricKind::kGauge, ValueType::kFloat64, "percent", "niced user space",
     "/proc/stat cpu", kCpuNice, 2020},
    {"cpu_steal", GroupId::kCpu, 8, MetricKind::kGauge, ValueType::kFloat64, "percent",
     "taken by the hypervisor for other guests", "/proc/stat cpu", kCpuSteal, 2020},
    {"cpu_guest", GroupId::kCpu, 9, MetricKind::kGauge, ValueType::kFloat64, "percent", "running guests",
     "/proc/stat cpu", kCpuGuest, 2020},
    {"cpu_guest_nice", GroupId::kCpu, 10, MetricKind::kGauge, ValueType::kFloat64, "percent", "running niced guests",
     "/proc/stat cpu", kCpuGuestNice, 2020},
    {"cpu_num", GroupId::kCpu, 11, MetricKind::kGauge, ValueType::kUint64, "count", "online logical CPUs",
     "/sys/devices/system/cpu/online", kCpuNum, 2020},
    {"uptime",
     GroupId::kCpu,
     12,
     MetricKind::kGauge,
     ValueType::kFloat64,
     "seconds",
     "since boot",
     "/proc/uptime",
     {},
     2020},
    {"load_avg_1m", GroupId::kCpu, 13, MetricKind::kGauge, ValueType::kFloat64, "count", "load average over 1 minute",
     "/proc/loadavg", kLoadAvg1m, 2020},
    {"load_avg_5m", GroupId::kCpu, 14, MetricKind::kGauge, ValueType::kFloat64, "count", "load average over 5 minutes",
     "/proc/loadavg", kLoadAvg5m, 2020},
    {"load_avg_15m", GroupId::kCpu, 15, MetricKind::kGauge, ValueType::kFloat64, "count",
     "load average over 15 minutes", "/proc/loadavg", kLoadAvg15m, 2020},
    {"user_num", GroupId::kCpu, 16, MetricKind::kGauge, ValueType::kUint64, "count", "logged-in users", "utmp",
     kUserNum, 2020},
    {"proc_run", GroupId::kCpu, 17, MetricKind::kGauge, ValueType::kUint64, "count", "runnable now",
     "/proc/loadavg field 4, before the slash", kProcRun, 2020},
    {"proc_num", GroupId::kCpu, 18, MetricKind::kGauge, ValueType::kUint64, "count", "processes (not threads)",
     "entries of /proc that are numbers", kProcNum, 2020},
    {"mem_utilization", GroupId::kMemory, 0, MetricKind::kGauge, ValueType::kFloat64, "percent", "mem_used / mem_total",
     "/proc/meminfo", kMemUtilization, 2019},
    {"mem_total", GroupId::kMemory, 1, MetricKind::kGauge, ValueType::kUint64, "bytes", "usable RAM",
     "/proc/meminfo MemTotal", kMemTotal, 2019},
    {"mem_used", GroupId::kMemory, 2, MetricKind::kGauge, ValueType::kUint64, "bytes",
     "mem_total - mem_free - mem_buffers - mem_cached", "/proc/meminfo", kMemUsed, 2019},
    {"mem_free", GroupId::kMemory, 3, MetricKind::kGauge, ValueType::kUint64, "bytes", "unused RAM",
     "/proc/meminfo MemFree", kMemFree, 2019},
    {"mem_shared", GroupId::kMemory, 4, MetricKind::kGauge, ValueType::kUint64, "bytes", "shared memory and tmpfs",
     "/proc/meminfo Shmem", kMemShared, 2019},
    {"mem_buffers", GroupId::kMemory, 5, MetricKind::kGauge, ValueType::kUint64, "bytes", "block device buffers",
     "/proc/meminfo Buffers", kMemBuffers, 2019},
    {"mem_cached", GroupId::kMemory, 6, MetricKind::kGauge, ValueType::kUint64, "bytes",
     "page cache and reclaimable slab", "/proc/meminfo Cached+SReclaimable", kMemCached, 2020},
    {"swap_utilization", GroupId::kMemory, 7, MetricKind::kGauge, ValueType::kFloat64, "percent",
     "swap_used / swap total (0 where there is no swap)", "/proc/meminfo", kSwapUtilization, 2020},
    {"swap_used", GroupId::kMemory, 8, MetricKind::kGauge, ValueType::kUint64, "bytes", "swap in use", "/proc/meminfo",
     kSwapUsed, 2020},
    {"swap_free", GroupId::kMemory, 9, MetricKind::kGauge, ValueType::kUint64, "bytes", "swap free",
     "/proc/meminfo SwapFree", kSwapFree, 2020},
    {"swap_in", GroupId::kMemory, 10, MetricKind::kCounter, ValueType::kUint64, "bytes", "read back from swap",
     "/proc/vmstat pswpin * page size", kSwapIn, 2020},
    {"swap_out", GroupId::kMemory, 11, MetricKind::kCounter, ValueType::kUint64, "bytes", "written to swap",
     "/proc/vmstat pswpout * page size", kSwapOut, 2020},
    {"page_in", GroupId::kMemory, 12, MetricKind::kCounter, ValueType::kUint64, "bytes", "paged in from disk",
     "/proc/vmstat pgpgin * 1024", kPageIn, 2020},
    {"page_out", GroupId::kMemory, 13, MetricKind::kCounter, ValueType::kUint64, "bytes", "paged out to disk",
     "/proc/vmstat pgpgout * 1024", kPageOut, 2020},
    {"disk_utilization", GroupId::kDisk, 0, MetricKind::kGauge, ValueType::kFloat64, "percent",
     "disk_used / (disk_used + disk_free) over real local file systems", "statvfs of /proc/self/mounts",
     kDiskUtilization, 2019},
    {"disk_total", GroupId::kDisk, 1, MetricKind::kGauge, ValueType::kUint64, "bytes",
     "size of real local file systems", "statvfs", kDiskTotal, 2019},
    {"disk_used", GroupId::kDisk, 2, MetricKind::kGauge, ValueType::kUint64, "bytes", "used", "statvfs", kDiskUsed,
     2019},
    {"disk_free", GroupId::kDisk, 3, MetricKind::kGauge, ValueType::kUint64, "bytes", "free to ordinary users",
     "statvfs", kDiskFree, 2019},
    {"kb_read", GroupId::kDisk, 4, MetricKind::kCounter, ValueType::kUint64, "kilobytes", "read from whole disks",
     "/proc/diskstats", kKbRead, 2019},
    {"kb_written", GroupId::kDisk, 5, MetricKind::kCounter, ValueType::kUint64, "kilobytes", "written to whole disks",
     "/proc/diskstats", kKbWritten, 2019},
    {"ops_read", GroupId::kDisk, 6, MetricKind::kCounter, ValueType::kUint64, "operations", "completed reads",
     "/proc/diskstats", kOpsRead, 2019},
    {"ops_write", GroupId::kDisk, 7, MetricKind::kCounter, ValueType::kUint64, "operations", "completed writes",
     "/proc/diskstats", kOpsWrite, 2019},
    {"read_time",
     GroupId::kDisk,
     8,
     MetricKind::kCounter,
     ValueType::kUint64,
     "milliseconds",
     "time spent in reads",
     "/proc/diskstats",
     {},
     2020},
    {"write_time",
     GroupId::kDisk,
     9,
     MetricKind::kCounter,
     ValueType::kUint64,
     "milliseconds",
     "time spent in writes",
     "/proc/diskstats",
     {},
     2020},
    {"bytes_in", GroupId::kNetwork, 0, MetricKind::kCounter, ValueType::kUint64, "bytes",
     "received, all interfaces counted (see above)", "/proc/net/dev", kBytesIn, 2019},
    {"bytes_out", GroupId::kNetwork, 1, MetricKind::kCounter, ValueType::kUint64, "bytes", "sent", "/proc/net/dev",
     kBytesOut, 2019},
    {"pkts_in", GroupId::kNetwork, 2, MetricKind::kCounter, ValueType::kUint64, "packets", "received", "/proc/net/dev",
     kPktsIn, 2019},
    {"pkts_out", GroupId::kNetwork, 3, MetricKind::kCounter, ValueType::kUint64, "packets", "sent", "/proc/net/dev",
     kPktsOut, 2019},
    {"err_in", GroupId::kNetwork, 4, MetricKind::kCounter, ValueType::kUint64, "errors", "receive errors",
     "/proc/net/dev", kErrIn, 2020},
    {"err_out", GroupId::kNetwork, 5, MetricKind::kCounter, ValueType::kUint64, "errors", "send errors",
     "/proc/net/dev", kErrOut, 2020},
    {"drop_in", GroupId::kNetwork, 6, MetricKind::kCounter, ValueType::kUint64, "packets", "received packets dropped",
     "/proc/net/dev", kDropIn, 2020},
    {"drop_out", GroupId::kNetwork, 7, MetricKind::kCounter, ValueType::kUint64, "packets", "outgoing packets dropped",
     "/proc/net/dev", kDropOut, 2020},
    {"cpu_speed", GroupId::kCpufreq, 0, MetricKind::kGauge, ValueType::kFloat64, "megahertz",
     "mean current frequency of the online CPUs (absent where the guest sees none)",
     "/sys/devices/system/cpu/cpu*/cpufreq, /proc/cpuinfo", kCpuSpeed, 2020},
};

constexpr size_t kCount = std::size(kMetrics);
static_assert(kCount == 52);

// Fields count up from 0 within each group and groups follow one another.
consteval bool is_ordered() {
  for (size_t i = 1; i < kCount; ++i) {
    const bool same_group = kMetrics[i].group == kMetrics[i - 1].group;
    if (same_group ? kMetrics[i].field != kMetrics[i - 1].field + 1 : kMetrics[i].field != 0) return false;
    if (kMetrics[i].group < kMetrics[i - 1].group) return false;
  }
  return kMetrics[0].field == 0;
}
static_assert(is_ordered());

}  // namespace

std::string_view to_string(ValueType type) {
  switch (type) {
    case ValueType::kFloat64: return "float64";
    case ValueType::kInt64: return "int64";
    case ValueType::kUint64: return "uint64";
    case ValueType::kBool: return "bool";
  }
  return "unknown";
}

std::span<const Metric> catalogue() { return kMetrics; }

std::span<const Metric> metrics_of(GroupId group) {
  const auto first = std::ranges::lower_bound(kMetrics, group, {}, &Metric::group);
  return {first, std::ranges::upper_bound(kMetrics, group, {}, &Metric::group)};
}

std::string_view group_name(GroupId group) {
  switch (group) {
    case GroupId::kCpu: return "cpu";
    case GroupId::kMemory: return "memory";
    case GroupId::kDisk: return "disk";
    case GroupId::kNetwork: return "network";
    case GroupId::kCpufreq: return "cpufreq";
  }
  return {};
}

std::optional<GroupId> find_group(std::string_view name) {
  if (name == "mem") return GroupId::kMemory;
  if (name == "net") return GroupId::kNetwork;
  for (const GroupId group : kCatalogueGroups) {
    if (group_name(group) == name) return group;
  }
  return std::nullopt;
}

const Metric* find_metric(GroupId group, std::string_view name_or_alias) {
  for (const Metric& metric : metrics_of(group)) {
    if (metric.name == name_or_alias || std::ranges::count(metric.aliases, name_or_alias) > 0) return &metric;
  }
  return nullptr;
}

const Metric* find_metric(std::string_view name) {
  const auto at = std::ranges::find(kMetrics, name, &Metric::name);
  return at == std::end(kMetrics) ? nullptr : at;
}

}  // namespace dragonfly
