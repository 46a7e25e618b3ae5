// The catalogue: the 52 metrics of a VM, in one place. API columns, units, documents and the CLI are made from it.
//
// Units      each metric's own, see Metric::unit; counters are running totals on wire and disk.
// Ownership  everything is constant and lives as long as the program.
// Threading  constant.
// Errors     look-ups return nullptr or nullopt.
// Limits     field numbers are append-only: they are on the wire and on disk and are never renumbered.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace dragonfly {

// The group's number on the wire and on disk; never renumbered. Custom measurements start at kFirstCustomGroup.
enum class GroupId : uint32_t { kCpu = 1, kMemory = 2, kDisk = 3, kNetwork = 4, kCpufreq = 5 };
inline constexpr uint32_t kFirstCustomGroup = 64;
inline constexpr GroupId kCatalogueGroups[] = {GroupId::kCpu, GroupId::kMemory, GroupId::kDisk, GroupId::kNetwork,
                                               GroupId::kCpufreq};
constexpr bool is_catalogue_group(GroupId group) { return group >= GroupId::kCpu && group <= GroupId::kCpufreq; }

// The type of a column; fixed by the catalogue, or by the first write of a custom field. On disk; never renumbered.
enum class ValueType : uint8_t { kFloat64 = 1, kInt64 = 2, kUint64 = 3, kBool = 4 };
std::string_view to_string(ValueType type);

enum class MetricKind : uint8_t { kGauge, kCounter };

struct Metric {
  std::string_view name;  // Also the API's column.
  GroupId group;
  uint16_t field;  // Its number within the group: 0, 1, … in catalogue order.
  MetricKind kind;
  ValueType type;
  std::string_view unit;
  std::string_view meaning;
  std::string_view linux_source;
  std::span<const std::string_view> aliases;  // Other spellings that clients use.
  int era;                                    // Year of the release that brought it; for information only.
};

// All 52, group by group, in field order.
std::span<const Metric> catalogue();
// Those of one group; index = field number. Empty for a custom group.
std::span<const Metric> metrics_of(GroupId group);
// "cpu", "memory", …; empty for a custom group.
std::string_view group_name(GroupId group);
// cpu, memory = mem, disk, network = net, cpufreq.
std::optional<GroupId> find_group(std::string_view name);
// By name or alias within one group; by name over all groups.
const Metric* find_metric(GroupId group, std::string_view name_or_alias);
const Metric* find_metric(std::string_view name);

}  // namespace dragonfly
