#include <unistd.h>

#include "edge/probe/fields.h"
#include "edge/probe/linux/cpu.h"
#include "edge/probe/linux/cpufreq.h"
#include "edge/probe/linux/disk.h"
#include "edge/probe/linux/filesystem.h"
#include "edge/probe/linux/load.h"
#include "edge/probe/linux/memory.h"
#include "edge/probe/linux/network.h"
#include "edge/probe/linux/text.h"

namespace dragonfly {

using namespace linux_probe;

struct ProbeSet::Impl {
  explicit Impl(ProbeOptions options)
      : root(options.root, stats),
        cpu(options.ticks_hz != 0 ? options.ticks_hz : static_cast<uint64_t>(::sysconf(_SC_CLK_TCK))),
        memory(options.page_bytes != 0 ? options.page_bytes : static_cast<uint64_t>(::sysconf(_SC_PAGESIZE))),
        file_systems(std::move(options.file_system_size)) {}

  ProbeStats stats;
  Root root;
  DeviceNames names;
  CpuProbe cpu;
  LoadProbe load;
  MemoryProbe memory;
  DiskProbe disks{names};
  FileSystemProbe file_systems;
  NetworkProbe network{names};
  CpufreqProbe cpufreq;
  RowList list;
};

ProbeSet::ProbeSet(ProbeOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
ProbeSet::~ProbeSet() = default;

void ProbeSet::collect(Timestamp now, MonotonicTime monotonic, bool with_devices, std::vector<Row>& rows) {
  read(now, monotonic, true, with_devices, rows);
}

void ProbeSet::peek(Timestamp now, MonotonicTime monotonic, std::vector<Row>& rows) {
  read(now, monotonic, false, false, rows);
}

void ProbeSet::read(Timestamp now, MonotonicTime monotonic, bool advance, bool with_devices, std::vector<Row>& rows) {
  Root& root = impl_->root;
  RowList& list = impl_->list;
  list.begin(rows);
  // The CPUs first, so that the time that this takes itself falls into the next interval.
  Row& cpu = list.add(GroupId::kCpu, now, cpu_field::kCount);
  impl_->cpu.collect(root, monotonic, advance, cpu);
  impl_->load.collect(root, cpu);
  list.drop_if_empty();
  impl_->memory.collect(root, list.add(GroupId::kMemory, now, memory_field::kCount));
  list.drop_if_empty();
  Row& disk = list.add(GroupId::kDisk, now, disk_field::kCount);
  impl_->disks.collect(root, disk);
  impl_->file_systems.collect(root, disk);
  list.drop_if_empty();
  impl_->network.collect(root, list.add(GroupId::kNetwork, now, network_field::kCount));
  list.drop_if_empty();
  impl_->cpufreq.collect(root, list.add(GroupId::kCpufreq, now, cpufreq_field::kCount));
  list.drop_if_empty();
  if (with_devices) {
    impl_->disks.add_device_rows(now, impl_->stats, list);
    impl_->network.add_device_rows(now, impl_->stats, list);
  }
  list.end();
}

const std::vector<std::string>& ProbeSet::devices() const { return impl_->names.names(); }
uint64_t ProbeSet::devices_changed() const { return impl_->names.generation(); }
const ProbeStats& ProbeSet::stats() const { return impl_->stats; }

std::string ProbeSet::boot_id() const {
  const auto text = impl_->root.read_optional("proc/sys/kernel/random/boot_id");
  return text ? std::string(trim(*text)) : std::string();
}

std::string_view ProbeSet::os_type() const { return "linux"; }

std::string ProbeSet::os_name() const {
  constexpr std::string_view kKey = "PRETTY_NAME=";
  auto text = impl_->root.read_optional("etc/os-release");
  while (text && !text->empty()) {
    std::string_view line = take_line(*text);
    if (!line.starts_with(kKey)) continue;
    line = trim(line.substr(kKey.size()));
    if (line.size() >= 2 && (line.front() == '"' || line.front() == '\'') && line.back() == line.front())
      line = line.substr(1, line.size() - 2);
    if (!line.empty()) return std::string(line);
  }
  const auto kernel = impl_->root.read_optional("proc/sys/kernel/ostype");
  return kernel ? std::string(trim(*kernel)) : std::string();
}

}  // namespace dragonfly
