// Inside surface/api: rows as text that POST /write?exact=true takes back as they were (Influx line protocol), or that other
// programs read (NDJSON). Drawn: docs/formats/export.md.
//
// Units      the catalogue's, counters as their running totals; times in ns.
// Ownership  appends to a text that it borrows.
// Threading  pure.
// Errors     none. What neither format can say is left out: NaN and infinities.
// Limits     a line of the line protocol has at most kExportLineBytes and the bytes of one field: wide rows are several.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "model/flow/vm.h"
#include "model/row/column_set.h"
#include "model/row/dictionary.h"

namespace dragonfly {

inline constexpr size_t kExportLineBytes = 32 * 1024;
// Tags that only exports have: the boot of a row (16 hexadecimal digits), the device of a catalogue group's row.
inline constexpr std::string_view kExportBootTag = "dragonfly.boot";
inline constexpr std::string_view kExportDeviceTag = "device";

// Labels that are told, where a VM has them.
inline constexpr std::string_view kExportLabels[] = {"hostId", "osType", "cspType", "region", "zone"};

// Parts of a line: a name with its escapes, ",key=value", the tags of a custom measurement.
void append_line_name(std::string& out, std::string_view text, bool is_measurement = false);
void append_line_tag(std::string& out, std::string_view key, std::string_view value);
// `device`: "k=v,k2=v2" with a backslash before ',' '=' and '\' in them.
void append_custom_tags(std::string& out, std::string_view device);

enum class ExportFormat : uint8_t { kLines, kNdjson };

struct ExportSeries {
  const VmIdentity& vm;
  const Dictionary& labels;
  std::string_view group;
  bool custom = false;
  std::string_view device;               // Empty: the VM's own; of a custom group "k=v,k2=v2".
  std::vector<std::string_view> fields;  // Index = column.
};

void append_export(std::string& out, ExportFormat format, const ExportSeries& series, const ColumnSet& rows);

}  // namespace dragonfly
