#include "text_rows.h"

#include <fmt/format.h>

#include "base/core/json_writer.h"

namespace dragonfly {
namespace {

// (tag, value) of what names the VM; empty ones are left out.
template <class Use>
void for_each_tag(const AgentKey& vm, const VmPlace& place, Use use) {
  const std::pair<std::string_view, std::string_view> tags[] = {{"nsId", vm.ns},        {"mcisId", vm.mcis},
                                                                {"vmId", vm.vm},        {"osType", "LINUX"},
                                                                {"cspType", place.csp}, {"region", place.region}};
  for (const auto& [tag, value] : tags)
    if (!value.empty()) use(tag, value);
}

// A backslash before what ends a tag.
void append_escaped(std::string_view text, std::string& out) {
  for (const char c : text) {
    if (c == ',' || c == ' ' || c == '=' || c == '\\') out += '\\';
    out += c;
  }
}

}  // namespace

void append_telegraf(const AgentKey& vm, const VmPlace& place, const TickRows& rows, std::string& out) {
  for (const Row& row : rows) {
    JsonWriter json(out);
    json.begin_object().field("name", group_name(row.group)).key("tags").begin_object();
    for_each_tag(vm, place, [&](std::string_view tag, std::string_view value) { json.field(tag, value); });
    json.end_object().key("fields").begin_object();
    for (const Metric& metric : metrics_of(row.group)) {
      const Value& value = *row.values[metric.field];
      json.key(metric.name);
      if (value.type == ValueType::kFloat64)
        json.value(value.as_double());
      else
        json.value(value.bits);
    }
    json.end_object().field("timestamp", unix_ms(row.time)).end_object();
  }
}

void append_lines(const AgentKey& vm, const VmPlace& place, const TickRows& rows, std::string& out) {
  for (const Row& row : rows) {
    out += group_name(row.group);
    for_each_tag(vm, place, [&](std::string_view tag, std::string_view value) {
      out += ',';
      out += tag;
      out += '=';
      append_escaped(value, out);
    });
    char separator = ' ';
    for (const Metric& metric : metrics_of(row.group)) {
      const Value& value = *row.values[metric.field];
      out += std::exchange(separator, ',');
      out += metric.name;
      if (value.type == ValueType::kFloat64)
        fmt::format_to(std::back_inserter(out), "={}", value.as_double());
      else
        fmt::format_to(std::back_inserter(out), "={}i", value.bits);
    }
    fmt::format_to(std::back_inserter(out), " {}\n", unix_ms(row.time));
  }
}

}  // namespace dragonfly
