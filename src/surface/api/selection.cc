#include "surface/api/selection.h"

namespace dragonfly {
namespace {

GroupFields fields_of(GroupId group, bool (*wanted)(const Metric&)) {
  GroupFields out{group, {}};
  for (const Metric& metric : metrics_of(group)) {
    if (wanted(metric)) out.metrics.push_back(&metric);
  }
  return out;
}

bool any(const Metric&) { return true; }

}  // namespace

Result<MetricSelection> select_metrics(std::string_view name) {
  MetricSelection out{std::string(name), {}};
  if (name == "all") {
    for (const GroupId group : kCatalogueGroups) out.groups.push_back(fields_of(group, any));
  } else if (name == "diskio") {
    out.groups.push_back(fields_of(GroupId::kDisk, [](const Metric& m) { return m.kind == MetricKind::kCounter; }));
  } else if (name == "swap") {
    out.groups.push_back(fields_of(GroupId::kMemory, [](const Metric& m) { return m.name.starts_with("swap_"); }));
  } else if (const auto group = find_group(name)) {
    out.groups.push_back(fields_of(*group, any));
  } else {
    return fail(
        ErrorCode::kInvalidArgument,
        "metric '{}' is not known; allowed are cpu, cpufreq, memory (mem), disk, diskio, network (net), swap, all",
        name.substr(0, 100));
  }
  return out;
}

std::optional<Spelling> disk_spelling(const Metric& metric) {
  if (metric.group != GroupId::kDisk || metric.aliases.empty()) return std::nullopt;
  return Spelling{metric.aliases.front(), metric.unit == "kilobytes" ? 1024.0 : 1.0};
}

std::optional<Spelling> field_spelling(const Metric& metric) {
  if (metric.group == GroupId::kDisk) {
    const auto disk = disk_spelling(metric);
    return disk ? disk : Spelling{metric.name};
  }
  // "swap.used" is another measurement's field; the same name without it would be memory's own.
  if (metric.aliases.empty() || metric.aliases.front().find('.') != std::string_view::npos)
    return Spelling{metric.name};
  return Spelling{metric.aliases.front()};
}

std::string_view section_name(GroupId group) {
  if (group == GroupId::kMemory) return "mem";
  if (group == GroupId::kNetwork) return "net";
  return group_name(group);
}

void write_value(JsonWriter& json, Value value) {
  switch (value.type) {
    case ValueType::kFloat64: json.value(value.as_double()); return;
    case ValueType::kInt64: json.value(static_cast<int64_t>(value.bits)); return;
    case ValueType::kUint64: json.value(value.bits); return;
    case ValueType::kBool: json.value(value.bits != 0); return;
  }
}

void write_value(JsonWriter& json, Value value, double factor) {
  if (factor == 1) {
    write_value(json, value);
  } else {
    json.value(value.as_double() * factor);
  }
}

}  // namespace dragonfly
