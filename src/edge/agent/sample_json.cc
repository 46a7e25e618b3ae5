#include "edge/agent/sample_json.h"

#include <cmath>

#include "base/core/json_writer.h"
#include "model/catalogue/catalogue.h"

namespace dragonfly {
namespace {

// Without std::to_chars, whose tables would be a twentieth of the program. Six digits behind the point say all that is
// measured.
std::string spelling(double number) {
  std::string out = fmt::format("{:.6f}", number);
  while (out.back() == '0') out.pop_back();
  if (out.back() == '.') out.pop_back();
  return out == "-0" ? "0" : out;
}

void write_value(JsonWriter& json, const Metric& metric, const Row* row) {
  json.key(metric.name);
  std::optional<Value> value;
  if (row != nullptr && metric.field < row->values.size()) value = row->values[metric.field];
  if (value) value = convert(*value, metric.type);
  if (!value) {
    json.null();
  } else if (metric.type == ValueType::kFloat64) {
    const double number = value->as_double();
    std::isfinite(number) ? json.spelled(spelling(number)) : json.null();
  } else if (metric.type == ValueType::kInt64) {
    json.value(static_cast<int64_t>(value->bits));
  } else if (metric.type == ValueType::kUint64) {
    json.value(value->bits);
  } else {
    json.value(value->bits != 0);
  }
}

}  // namespace

std::string sample_json(const SampleHeading& heading, const AgentIdentity& identity, std::span<const Row> rows,
                        std::span<const std::string> devices) {
  std::string out;
  JsonWriter json(out);
  json.begin_object();
  json.field("time", std::string_view(format_rfc3339(heading.time)));
  json.field("ns", std::string_view(identity.ns));
  json.field("mcis", std::string_view(identity.mcis));
  json.field("vm", std::string_view(identity.vm));
  json.field("os_type", std::string_view(heading.os_type));
  json.field("os", std::string_view(heading.os_name));
  json.key("groups").begin_object();
  for (const GroupId group : kCatalogueGroups) {
    const Row* of_group = nullptr;
    for (const Row& row : rows) {
      if (row.group == group && row.device == 0) of_group = &row;
    }
    json.key(group_name(group)).begin_object();
    for (const Metric& metric : metrics_of(group)) write_value(json, metric, of_group);
    json.end_object();
  }
  json.end_object();
  json.key("devices").begin_array();
  for (const Row& row : rows) {
    if (row.device == 0 || row.device > devices.size()) continue;
    json.begin_object();
    json.field("group", group_name(row.group));
    json.field("device", std::string_view(devices[row.device - 1]));
    json.key("values").begin_object();
    for (const Metric& metric : metrics_of(row.group)) {
      if (metric.field < row.values.size() && row.values[metric.field]) write_value(json, metric, &row);
    }
    json.end_object().end_object();
  }
  json.end_array().end_object();
  out.push_back('\n');
  return out;
}

}  // namespace dragonfly
