// Network: proc/net/dev, and sys/class/net to tell the interfaces that count from those whose traffic another counts.
//
// Interfaces of the highest rank that is present count: devices (physical, virtio, Xen …, and bonds of them) before
// virtual ones (a container's eth0) before a bare veth. So on a host the bridges, tunnels and veths do not count beside
// the device that carries their traffic, and in a container its only interface does.
//
// Units      bytes, packets, errors; running totals.
// Ownership  values.
// Threading  one object, one thread.
// Errors     lines that cannot be understood are left out; without any interface the fields stay absent.
// Limits     see devices.h.
#pragma once

#include <optional>
#include <string_view>

#include "edge/probe/fields.h"
#include "edge/probe/linux/devices.h"
#include "edge/probe/linux/row_list.h"
#include "edge/probe/linux/source.h"

namespace dragonfly::linux_probe {

// A line of proc/net/dev, its counters in the order of the fields.
struct InterfaceLine {
  std::string_view name;
  std::array<uint64_t, network_field::kCount> counters{};
};
std::optional<InterfaceLine> parse_interface_line(std::string_view line);

enum InterfaceRank : int { kNeverCounts = 0, kVethRank = 1, kVirtualRank = 2, kDeviceRank = 3 };
// By name alone, for where sys does not tell.
InterfaceRank rank_by_name(std::string_view name);

class NetworkProbe {
 public:
  explicit NetworkProbe(DeviceNames& names) : table_(names) {}
  void collect(Root& root, Row& row);
  // The rows of the interfaces that collect() counted.
  void add_device_rows(Timestamp now, ProbeStats& stats, RowList& rows);

 private:
  SourceFile dev_{"proc/net/dev", SourceFile::Records::kShortLines};
  DeviceTable<network_field::kCount> table_;
  int rank_ = kVethRank;  // The highest that was present last.
};

}  // namespace dragonfly::linux_probe
