#include "ingest/dialect/device_totals.h"

#include <algorithm>

namespace dragonfly {

std::optional<size_t> DeviceTotals::device(std::string_view name) {
  for (size_t i = 0; i < devices_.size(); ++i) {
    if (devices_[i].name == name) return i;
  }
  if (devices_.size() == kDevicesMax) return std::nullopt;
  const size_t added = devices_.size();
  devices_.push_back({.name = std::string(name)});
  if (kind_ != TotalKind::kDisks) return added;
  // A partition may come before its disk or after it.
  const std::string_view disk = disk_of_partition(name);
  for (size_t i = 0; i < added; ++i) {
    if (devices_[i].name == disk) devices_[added].partition_of = i;
    if (disk_of_partition(devices_[i].name) == name) devices_[i].partition_of = added;
  }
  return added;
}

void DeviceTotals::add(size_t device, Timestamp time, const Values& values, std::vector<Row>& out) {
  if (time < tick_) {
    late_.push_back({device, time, values});
    return;
  }
  if (time > tick_) begin_tick(time, out);
  Device& known = devices_[device];
  known.values.resize(values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    if (values[i]) known.values[i] = values[i];
  }
  known.arrived = true;
  changed_ = true;
}

void DeviceTotals::begin_tick(Timestamp time, std::vector<Row>& out) {
  if (changed_) total_of_tick(out);
  for (Device& device : devices_) {
    device.expected = device.arrived;
    device.arrived = false;
  }
  tick_ = time;
  changed_ = false;
}

bool DeviceTotals::is_complete() const {
  return std::all_of(devices_.begin(), devices_.end(), [](const Device& d) { return d.arrived || !d.expected; });
}

void DeviceTotals::finish_batch(std::vector<Row>& out) {
  if (changed_ && is_complete()) {
    total_of_tick(out);
    changed_ = false;
  }
  if (!late_.empty()) totals_of_late(out);
  late_.clear();
}

void DeviceTotals::total_of_tick(std::vector<Row>& out) {
  const bool counters = kind_ == TotalKind::kDisks || kind_ == TotalKind::kInterfaces;
  Row total;
  total.reset(group_, tick_, metrics_of(group_).size());
  std::vector<size_t> counts(total.values.size(), 0);
  for (const Device& device : devices_) {
    if (is_counted(device) && (counters || device.arrived || device.expected)) add_values(total, counts, device.values);
  }
  if (std::all_of(counts.begin(), counts.end(), [](size_t count) { return count == 0; })) return;
  finish_total(total, counts);
  out.push_back(std::move(total));
}

void DeviceTotals::totals_of_late(std::vector<Row>& out) {
  const auto counted = static_cast<size_t>(
      std::count_if(devices_.begin(), devices_.end(), [&](const Device& d) { return is_counted(d); }));
  for (size_t begin = 0, end = 0; begin < late_.size(); begin = end) {
    Row total;
    total.reset(group_, late_[begin].time, metrics_of(group_).size());
    std::vector<size_t> counts(total.values.size(), 0);
    std::vector<bool> seen(devices_.size(), false);
    size_t covered = 0;
    for (; end < late_.size() && late_[end].time == late_[begin].time; ++end) {
      const Late& late = late_[end];
      if (!is_counted(devices_[late.device]) || seen[late.device]) continue;
      seen[late.device] = true;
      ++covered;
      add_values(total, counts, late.values);
    }
    if (covered < counted) continue;
    finish_total(total, counts);
    out.push_back(std::move(total));
  }
}

void DeviceTotals::add_values(Row& total, std::vector<size_t>& counts, const Values& values) const {
  const auto metrics = metrics_of(group_);
  for (size_t i = 0; i < values.size(); ++i) {
    if (!values[i]) continue;
    ++counts[i];
    if (!total.values[i]) {
      total.values[i] = values[i];
    } else if (metrics[i].type == ValueType::kUint64) {
      total.values[i]->bits += values[i]->bits;
    } else {
      total.values[i] = Value::of(total.values[i]->as_double() + values[i]->as_double());
    }
  }
}

void DeviceTotals::finish_total(Row& total, const std::vector<size_t>& counts) const {
  for (const Metric& metric : metrics_of(group_)) {
    auto& value = total.values[metric.field];
    if (!value || metric.unit == "bytes" || metric.kind == MetricKind::kCounter) continue;
    if (kind_ == TotalKind::kFrequencies)
      value = Value::of(value->as_double() / static_cast<double>(counts[metric.field]));
    // A share of several devices follows from the sums, not from the devices' shares.
    if (kind_ == TotalKind::kFileSystems && counts[metric.field] > 1) value.reset();
  }
  derive_fields(total);
}

}  // namespace dragonfly
