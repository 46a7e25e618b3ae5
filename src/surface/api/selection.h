// Inside surface/api: which metrics a name in a path stands for, and how their values are written.
//
// Units      the catalogue's.
// Ownership  metrics point into the catalogue.
// Threading  pure.
// Errors     select_metrics: kInvalidArgument that lists what is allowed.
// Limits     none.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/core/json_writer.h"
#include "base/core/result.h"
#include "model/catalogue/catalogue.h"
#include "model/row/row.h"

namespace dragonfly {

struct GroupFields {
  GroupId group;
  std::vector<const Metric*> metrics;  // In catalogue order.
};

struct MetricSelection {
  std::string name;  // As it was asked.
  std::vector<GroupFields> groups;
};

// cpu, cpufreq, memory = mem, disk, diskio (disk's counters), network = net, swap (memory's swap fields), all.
Result<MetricSelection> select_metrics(std::string_view name);

// Another name under which clients read a metric, and by what its value is multiplied for it.
struct Spelling {
  std::string_view name;
  double factor = 1;
};
// What object rows of disks carry beside the catalogue's names: used_percent, read_bytes (bytes), …
std::optional<Spelling> disk_spelling(const Metric& metric);
// What the oldest readers look for in "fields" of on-demand answers: the first alias within the group.
std::optional<Spelling> field_spelling(const Metric& metric);

// "mem" for memory, "net" for network: the section's name in on-demand answers.
std::string_view section_name(GroupId group);

void write_value(JsonWriter& json, Value value);
void write_value(JsonWriter& json, Value value, double factor);

}  // namespace dragonfly
