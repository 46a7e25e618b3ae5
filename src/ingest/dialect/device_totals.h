// DeviceTotals: the VM's own row of a kind of devices (file systems, disks, interfaces, CPU frequencies), made from its
// devices' rows.
//
// A batch may bring all devices of a tick, several ticks, or, as telegraf's datagrams do, one device. So the devices of
// the tick before are remembered: a total is made once all of them are there, or when the next tick begins; then the
// last known counters stand in for a device of which nothing came. The counters of a device that has left stay in the
// sum, since a total that falls would look like a restart. The first tick ever, when it is not known yet how many
// devices there are, makes a total at the end of each batch; a later one of the same time replaces it. For a time
// before the newest tick a total is made only where one batch brings all the devices of that kind.
//
// Units      catalogue units.
// Ownership  owns copies of the devices' newest values.
// Threading  one object, one thread.
// Errors     none.
// Limits     kDevicesMax devices; more are not part of the total.
#pragma once

#include <string>
#include <vector>

#include "ingest/dialect/measurement.h"

namespace dragonfly {

class DeviceTotals {
 public:
  static constexpr size_t kDevicesMax = 256;
  using Values = std::vector<std::optional<Value>>;

  DeviceTotals(TotalKind kind, GroupId group) : kind_(kind), group_(group) {}

  // Number of the device, or nullopt where there are too many.
  std::optional<size_t> device(std::string_view name);
  // Devices of one batch, times ascending. Totals that became whole are appended to `out`.
  void add(size_t device, Timestamp time, const Values& values, std::vector<Row>& out);
  // The end of the batch.
  void finish_batch(std::vector<Row>& out);

 private:
  struct Device {
    std::string name;
    size_t partition_of = SIZE_MAX;  // The disk that counts it already.
    Values values;                   // Newest.
    bool arrived = false;            // In the newest tick.
    bool expected = false;           // It was in the tick before.
  };
  struct Late {
    size_t device;
    Timestamp time;
    Values values;
  };
  bool is_counted(const Device& device) const { return device.partition_of == SIZE_MAX; }
  bool is_complete() const;
  void begin_tick(Timestamp time, std::vector<Row>& out);
  void total_of_tick(std::vector<Row>& out);
  void totals_of_late(std::vector<Row>& out);
  void add_values(Row& total, std::vector<size_t>& counts, const Values& values) const;
  void finish_total(Row& total, const std::vector<size_t>& counts) const;

  TotalKind kind_;
  GroupId group_;
  std::vector<Device> devices_;
  Timestamp tick_{Duration::min()};
  bool changed_ = false;  // The newest tick has values that are in no total yet.
  std::vector<Late> late_;
};

}  // namespace dragonfly
