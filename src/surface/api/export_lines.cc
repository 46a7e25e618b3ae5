#include "surface/api/export_lines.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "base/core/json_writer.h"
#include "base/core/time.h"

namespace dragonfly {
namespace {

bool is_finite(Value value) { return value.type != ValueType::kFloat64 || std::isfinite(value.as_double()); }

// A number of a float64 always has a '.' or an exponent, so that a reader can tell.
void append_float(std::string& out, double number) {
  const size_t start = out.size();
  fmt::format_to(std::back_inserter(out), "{}", number);
  if (out.find_first_of(".e", start) == out.npos) out += ".0";
}

void append_line_value(std::string& out, Value value) {
  switch (value.type) {
    case ValueType::kFloat64: return append_float(out, value.as_double());
    case ValueType::kInt64: fmt::format_to(std::back_inserter(out), "{}i", static_cast<int64_t>(value.bits)); return;
    case ValueType::kUint64: fmt::format_to(std::back_inserter(out), "{}u", value.bits); return;
    case ValueType::kBool: out += value.bits != 0 ? "true" : "false"; return;
  }
}

void append_json_value(std::string& out, Value value) {
  switch (value.type) {
    case ValueType::kFloat64: return append_float(out, value.as_double());
    case ValueType::kInt64: fmt::format_to(std::back_inserter(out), "{}", static_cast<int64_t>(value.bits)); return;
    // As a text, since most readers know no such numbers; and so it differs from an int64.
    case ValueType::kUint64: fmt::format_to(std::back_inserter(out), "\"{}u\"", value.bits); return;
    case ValueType::kBool: out += value.bits != 0 ? "true" : "false"; return;
  }
}

void append_quoted(std::string& out, std::string_view text) { JsonWriter(out).value(text); }

std::string line_head(const ExportSeries& series) {
  std::string out;
  append_line_name(out, series.group, true);
  append_line_tag(out, "nsId", series.vm.ns);
  append_line_tag(out, "mcisId", series.vm.mcis);
  append_line_tag(out, "vmId", series.vm.vm);
  for (const std::string_view label : kExportLabels) {
    if (const auto value = series.labels.label(label); !value.empty()) append_line_tag(out, label, value);
  }
  if (series.custom) {
    append_custom_tags(out, series.device);
  } else if (!series.device.empty()) {
    append_line_tag(out, kExportDeviceTag, series.device);
  }
  return out;
}

void append_lines(std::string& out, const ExportSeries& series, const ColumnSet& rows) {
  const std::string head = line_head(series);
  for (size_t row = 0; row < rows.rows(); ++row) {
    size_t start = std::string::npos;  // Of a line that is begun.
    const auto end_line = [&] {
      if (start != std::string::npos) fmt::format_to(std::back_inserter(out), " {}\n", rows.times_ns[row]);
      start = std::string::npos;
    };
    for (size_t i = 0; i < std::min(rows.columns.size(), series.fields.size()); ++i) {
      const Column& column = rows.columns[i];
      if (column.present[row] == 0 || !is_finite(column.value(row))) continue;
      if (start != std::string::npos && out.size() - start > kExportLineBytes) end_line();
      const bool first = start == std::string::npos;
      if (first) {
        start = out.size();
        out += head;
        if (rows.boots[row] != 0)
          fmt::format_to(std::back_inserter(out), ",{}={:016x}", kExportBootTag, rows.boots[row]);
      }
      out.push_back(first ? ' ' : ',');
      append_line_name(out, series.fields[i]);
      out.push_back('=');
      append_line_value(out, column.value(row));
    }
    end_line();
  }
}

std::string json_head(const ExportSeries& series) {
  std::string out = "{\"ns\":";
  append_quoted(out, series.vm.ns);
  out += ",\"mcis\":";
  append_quoted(out, series.vm.mcis);
  out += ",\"vm\":";
  append_quoted(out, series.vm.vm);
  for (const std::string_view label : kExportLabels) {
    const auto value = series.labels.label(label);
    if (value.empty()) continue;
    out += fmt::format(",\"{}\":", label);
    append_quoted(out, value);
  }
  out += ",\"group\":";
  append_quoted(out, series.group);
  if (!series.device.empty()) {
    out += ",\"device\":";
    append_quoted(out, series.device);
  }
  return out;
}

void append_ndjson(std::string& out, const ExportSeries& series, const ColumnSet& rows) {
  const std::string head = json_head(series);
  for (size_t row = 0; row < rows.rows(); ++row) {
    const size_t start = out.size();
    out += head;
    if (rows.boots[row] != 0) fmt::format_to(std::back_inserter(out), ",\"boot\":\"{:016x}\"", rows.boots[row]);
    out += ",\"time\":";
    append_quoted(out, format_rfc3339(from_unix_ns(rows.times_ns[row])));
    out += ",\"values\":{";
    bool any = false;
    for (size_t i = 0; i < std::min(rows.columns.size(), series.fields.size()); ++i) {
      const Column& column = rows.columns[i];
      if (column.present[row] == 0 || !is_finite(column.value(row))) continue;
      if (any) out.push_back(',');
      any = true;
      append_quoted(out, series.fields[i]);
      out.push_back(':');
      append_json_value(out, column.value(row));
    }
    out += "}}\n";
    if (!any) out.resize(start);
  }
}

}  // namespace

void append_line_name(std::string& out, std::string_view text, bool is_measurement) {
  for (const char c : text) {
    if (c == ',' || c == ' ' || (c == '=' && !is_measurement)) out.push_back('\\');
    out.push_back(c);
  }
}

void append_line_tag(std::string& out, std::string_view key, std::string_view value) {
  out.push_back(',');
  append_line_name(out, key);
  out.push_back('=');
  append_line_name(out, value);
}

void append_custom_tags(std::string& out, std::string_view device) {
  std::string parts[2];
  size_t part = 0;
  for (size_t i = 0; i <= device.size(); ++i) {
    if (i == device.size() || device[i] == ',') {
      if (!parts[0].empty()) append_line_tag(out, parts[0], parts[1]);
      parts[0].clear();
      parts[1].clear();
      part = 0;
    } else if (device[i] == '=') {
      part = 1;
    } else {
      if (device[i] == '\\' && i + 1 < device.size()) ++i;
      parts[part].push_back(device[i]);
    }
  }
}

void append_export(std::string& out, ExportFormat format, const ExportSeries& series, const ColumnSet& rows) {
  if (format == ExportFormat::kLines) return append_lines(out, series, rows);
  append_ndjson(out, series, rows);
}

}  // namespace dragonfly
