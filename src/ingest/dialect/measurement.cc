#include "ingest/dialect/measurement.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <string>

namespace dragonfly {
namespace {

constexpr CatalogueMeasurement kMeasurements[] = {
    {"cpu", GroupId::kCpu, "cpu", "", false, TotalKind::kNone},
    {"mem", GroupId::kMemory, "", "", false, TotalKind::kNone},
    {"memory", GroupId::kMemory, "", "", false, TotalKind::kNone},
    {"swap", GroupId::kMemory, "", "swap.", false, TotalKind::kNone},
    {"disk", GroupId::kDisk, "device", "", false, TotalKind::kFileSystems},
    {"diskio", GroupId::kDisk, "name", "", false, TotalKind::kDisks},
    {"net", GroupId::kNetwork, "interface", "", false, TotalKind::kInterfaces},
    {"network", GroupId::kNetwork, "interface", "", false, TotalKind::kInterfaces},
    {"cpufreq", GroupId::kCpufreq, "cpu", "", false, TotalKind::kFrequencies},
    {"system", GroupId::kCpu, "", "", true, TotalKind::kNone},
    {"processes", GroupId::kCpu, "", "", true, TotalKind::kNone},
    {"kernel_vmstat", GroupId::kMemory, "", "", true, TotalKind::kNone},
};

constexpr CatalogueMeasurement kExactMeasurements[] = {
    {"cpu", GroupId::kCpu, "device", "", false, TotalKind::kNone},
    {"memory", GroupId::kMemory, "device", "", false, TotalKind::kNone},
    {"disk", GroupId::kDisk, "device", "", false, TotalKind::kNone},
    {"network", GroupId::kNetwork, "device", "", false, TotalKind::kNone},
    {"cpufreq", GroupId::kCpufreq, "device", "", false, TotalKind::kNone},
};

const CatalogueMeasurement* find_in(std::span<const CatalogueMeasurement> all, std::string_view name) {
  const auto found = std::find_if(all.begin(), all.end(), [&](const auto& m) { return m.name == name; });
  return found == all.end() ? nullptr : &*found;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool starts_with_one_of(std::string_view text, std::initializer_list<std::string_view> prefixes) {
  return std::any_of(prefixes.begin(), prefixes.end(),
                     [&](std::string_view prefix) { return text.starts_with(prefix); });
}

std::optional<Value> scaled(Scale scale, Value value) {
  const double number = value.as_double();
  switch (scale) {
    case Scale::kNone: return value;
    case Scale::kPer1024:
      if (value.type == ValueType::kUint64 || (value.type == ValueType::kInt64 && number >= 0))
        return Value::of(value.bits / 1024);
      return Value::of(std::floor(number / 1024));
    case Scale::kTimes1024:
      if (value.type == ValueType::kBool) return std::nullopt;
      return Value::of(number * 1024);
    case Scale::kMegahertz:
      if (value.type == ValueType::kBool) return std::nullopt;
      return Value::of(number >= 1e8 ? number / 1e6 : number >= 1e5 ? number / 1e3 : number);
  }
  return std::nullopt;
}

// Sets `share` = 100 part / whole where it is absent; `whole` is negative where it is not known.
void derive_share(Row& row, uint16_t share, uint16_t part, double whole) {
  if (row.values[share] || !row.values[part] || whole < 0) return;
  row.values[share] = Value::of(whole > 0 ? 100 * row.values[part]->as_double() / whole : 0.0);
}

double value_or_negative(const Row& row, uint16_t field) {
  return row.values[field] ? row.values[field]->as_double() : -1;
}

double sum_or_negative(const Row& row, uint16_t a, uint16_t b) {
  return row.values[a] && row.values[b] ? row.values[a]->as_double() + row.values[b]->as_double() : -1;
}

uint16_t field_of(std::string_view metric) { return find_metric(metric)->field; }

}  // namespace

const CatalogueMeasurement* find_catalogue_measurement(std::string_view name) { return find_in(kMeasurements, name); }

const CatalogueMeasurement* find_exact_measurement(std::string_view name) { return find_in(kExactMeasurements, name); }

CatalogueField find_catalogue_field(const CatalogueMeasurement& measurement, std::string_view field) {
  CatalogueField out;
  if (!measurement.alias_prefix.empty()) {
    out.metric = find_metric(measurement.group, std::string(measurement.alias_prefix).append(field));
    // Of the group's names only those that the measurement is about: swap_used, but not mem_used.
    if (out.metric == nullptr && field.starts_with("swap_")) out.metric = find_metric(measurement.group, field);
    return out;
  }
  out.metric = find_metric(measurement.group, field);
  if (field == "read_bytes" || field == "write_bytes") out.scale = Scale::kPer1024;
  if (field == "pgpgin" || field == "pgpgout") out.scale = Scale::kTimes1024;
  if (field == "cur_freq") out.scale = Scale::kMegahertz;
  return out;
}

std::optional<Value> to_catalogue(const CatalogueField& field, Value value) {
  const auto in_unit = scaled(field.scale, value);
  return in_unit ? convert(*in_unit, field.metric->type) : std::nullopt;
}

void derive_fields(Row& row) {
  if (row.group == GroupId::kCpu) {
    static const uint16_t kUtilization = field_of("cpu_utilization");
    static const uint16_t kIdle = field_of("cpu_idle");
    if (!row.values[kUtilization] && row.values[kIdle]) {
      row.values[kUtilization] = Value::of(100 - row.values[kIdle]->as_double());
    }
  } else if (row.group == GroupId::kMemory) {
    static const uint16_t kMemory[] = {field_of("mem_utilization"), field_of("mem_used"), field_of("mem_total")};
    static const uint16_t kSwap[] = {field_of("swap_utilization"), field_of("swap_used"), field_of("swap_free")};
    derive_share(row, kMemory[0], kMemory[1], value_or_negative(row, kMemory[2]));
    derive_share(row, kSwap[0], kSwap[1], sum_or_negative(row, kSwap[1], kSwap[2]));
  } else if (row.group == GroupId::kDisk) {
    static const uint16_t kDisk[] = {field_of("disk_utilization"), field_of("disk_used"), field_of("disk_free")};
    derive_share(row, kDisk[0], kDisk[1], sum_or_negative(row, kDisk[1], kDisk[2]));
  }
}

bool counts_for_total(TotalKind kind, const DeviceTags& tags) {
  switch (kind) {
    case TotalKind::kNone: return false;
    case TotalKind::kFileSystems:
      if (tags.file_system.empty()) return true;
      if (tags.file_system == "overlay") return tags.path == "/";
      return starts_with_one_of(tags.file_system,
                                {"ext", "xfs", "btrfs", "zfs", "f2fs", "jfs", "vfat", "exfat", "ntfs", "NTFS", "ufs"});
    case TotalKind::kDisks: return !starts_with_one_of(tags.name, {"loop", "ram", "zram", "dm-", "md", "sr", "fd"});
    case TotalKind::kInterfaces: return tags.name != "lo";
    case TotalKind::kFrequencies: return true;
  }
  return false;
}

std::string_view disk_of_partition(std::string_view device) {
  size_t digits = 0;
  while (digits < device.size() && is_digit(device[device.size() - 1 - digits])) ++digits;
  std::string_view disk = device.substr(0, device.size() - digits);
  if (digits == 0 || disk.empty()) return {};
  // nvme0n1p2, mmcblk0p1: the disk's own name ends with a digit, so a 'p' stands between.
  if (disk.size() > 1 && disk.back() == 'p' && is_digit(disk[disk.size() - 2])) return disk.substr(0, disk.size() - 1);
  return starts_with_one_of(disk, {"sd", "vd", "xvd", "hd"}) ? disk : std::string_view{};
}

}  // namespace dragonfly
