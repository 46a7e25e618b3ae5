// Devices: which disks or interfaces are there now, and the indices that name them in rows.
//
// Units      counters as their file gives them.
// Ownership  a DeviceTable borrows the DeviceNames, which outlive it.
// Threading  one object, one thread.
// Errors     none.
// Limits     kProbeDevicesMax names a group, kProbeDeviceNameMax bytes a name; what is over has no index.
#pragma once

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "base/core/names.h"
#include "edge/probe/probe.h"

namespace dragonfly::linux_probe {

// Every name that ever had a row; an index is never given to another name.
class DeviceNames {
 public:
  // Index from 1; 0 where the group is full or the name cannot be in a dictionary. `group_indices` are those
  // that the group has.
  uint32_t index_of(std::string_view name, std::vector<uint32_t>& group_indices) {
    if (name.size() > kProbeDeviceNameMax || !check_name("device", name)) return 0;
    const auto at = std::find(names_.begin(), names_.end(), name);
    const auto index = static_cast<uint32_t>(at - names_.begin()) + 1;
    const auto known = std::find(group_indices.begin(), group_indices.end(), index);
    if (known != group_indices.end()) return index;
    if (group_indices.size() >= kProbeDevicesMax) return 0;
    if (at == names_.end()) {
      names_.emplace_back(name);
      ++generation_;
    }
    group_indices.push_back(index);
    return index;
  }
  const std::vector<std::string>& names() const { return names_; }
  uint64_t generation() const { return generation_; }

 private:
  std::vector<std::string> names_;
  uint64_t generation_ = 0;
};

// The devices of one group with N counters each, refilled at each reading.
template <size_t N>
class DeviceTable {
 public:
  using Counters = std::array<uint64_t, N>;
  struct Device {
    std::string name;
    Counters counters{};
    int kind = -1;       // What it is, in its probe's words; -1 = not found out yet.
    uint32_t index = 0;  // In rows; 0 = none yet.
    bool seen = false;
  };

  explicit DeviceTable(DeviceNames& names) : names_(names) {}

  // begin(), update() for each line of the file, end(): what was not updated is gone.
  void begin() {
    for (Device& device : devices_) device.seen = false;
    cursor_ = 0;
    if (++readings_ % kReadingsOfAKind == 0) {
      for (Device& device : devices_) device.kind = -1;
    }
  }
  void update(std::string_view name, const Counters& counters) {
    Device& device = find_or_add(name);
    device.counters = counters;
    device.seen = true;
  }
  void end() {
    std::erase_if(devices_, [](const Device& device) { return !device.seen; });
  }
  std::vector<Device>& devices() { return devices_; }
  uint32_t index_of(Device& device) {
    if (device.index == 0) device.index = names_.index_of(device.name, indices_);
    return device.index;
  }

 private:
  // A device's kind may change under its name (an interface joins a bond), so it is found out again now and then.
  static constexpr uint64_t kReadingsOfAKind = 30;

  Device& find_or_add(std::string_view name) {
    // Files keep their order, so the device is nearly always the one after the last.
    for (size_t i = 0; i < devices_.size(); ++i) {
      const size_t at = (cursor_ + i) % devices_.size();
      if (devices_[at].name != name) continue;
      cursor_ = at + 1;
      return devices_[at];
    }
    devices_.emplace_back().name = name;
    cursor_ = devices_.size();
    return devices_.back();
  }

  DeviceNames& names_;
  std::vector<uint32_t> indices_;
  std::vector<Device> devices_;
  size_t cursor_ = 0;
  uint64_t readings_ = 0;
};

}  // namespace dragonfly::linux_probe
