// Disks: proc/diskstats, and sys/block to tell the whole devices that hold data themselves from all others.
//
// Units      kilobytes of 1024 bytes, operations, milliseconds; running totals.
// Ownership  values.
// Threading  one object, one thread.
// Errors     lines that cannot be understood are left out; without any disk the fields stay absent.
// Limits     see devices.h.
#pragma once

#include <optional>
#include <string_view>

#include "edge/probe/fields.h"
#include "edge/probe/linux/devices.h"
#include "edge/probe/linux/row_list.h"
#include "edge/probe/linux/source.h"

namespace dragonfly::linux_probe {

inline constexpr size_t kDiskCounters = disk_field::kCount - disk_field::kKbRead;

// A line of proc/diskstats, its counters in the order of the fields.
struct DiskLine {
  std::string_view name;
  std::array<uint64_t, kDiskCounters> counters{};
};
// nullopt too for the short lines that old kernels write for partitions.
std::optional<DiskLine> parse_disk_line(std::string_view line);

// By name alone: what is made of other devices or of memory, or cannot hold data of its own.
bool is_never_a_disk(std::string_view name);
// The name of the disk of which `name` would be a partition ("sda" of "sda1", "nvme0n1" of "nvme0n1p2"), or empty.
std::string_view name_of_whole(std::string_view name);

class DiskProbe {
 public:
  explicit DiskProbe(DeviceNames& names) : table_(names) {}
  void collect(Root& root, Row& row);
  // The rows of the disks that collect() saw.
  void add_device_rows(Timestamp now, ProbeStats& stats, RowList& rows);

 private:
  bool is_whole_disk(Root& root, const std::string& name);

  SourceFile diskstats_{"proc/diskstats", SourceFile::Records::kShortLines};
  DeviceTable<kDiskCounters> table_;
};

}  // namespace dragonfly::linux_probe
