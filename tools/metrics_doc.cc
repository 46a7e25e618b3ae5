// Prints docs/metrics.md from the catalogue. `make docs` rewrites the page; a test compares it.
#include <cstdio>
#include <string>

#include "model/catalogue/catalogue.h"

namespace dragonfly {
namespace {

// A cell of a Markdown table.
std::string cell(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == '|') out += '\\';
    out += c;
  }
  return out;
}

void append_metric(std::string& page, const Metric& metric) {
  std::string aliases;
  for (std::string_view alias : metric.aliases) {
    if (!aliases.empty()) aliases += ", ";
    aliases += alias;
  }
  page += "| " + std::to_string(metric.field) + " | `" + cell(metric.name) + "` | ";
  page += metric.kind == MetricKind::kCounter ? "counter" : "gauge";
  page += " | " + cell(metric.unit) + " | " + cell(metric.meaning) + " | " + cell(metric.linux_source) + " | " +
          cell(aliases) + " |\n";
}

std::string page() {
  std::string out =
      "# The metrics of a VM\n\n"
      "Made by `make docs` from `src/model/catalogue`; do not edit it here.\n\n"
      "A *gauge* is the value at the row's time. A *counter* is sent by the agent as a running total; every answer "
      "but\n"
      "that of an on-demand call gives it as a rate per second, aware of resets. 1 kilobyte = 1024 bytes. *No* is the\n"
      "number of the field on the wire and on disk: it never changes.\n\n";
  out +=
      std::to_string(catalogue().size()) + " metrics in " + std::to_string(std::size(kCatalogueGroups)) + " groups.\n";
  for (GroupId group : kCatalogueGroups) {
    out += "\n## " + std::string(group_name(group)) + "\n\n";
    out += "| No | name | kind | unit | meaning | source on Linux | other spellings |\n|---|---|---|---|---|---|---|\n";
    for (const Metric& metric : metrics_of(group)) append_metric(out, metric);
  }
  out +=
      "\n## What is counted\n\n"
      "Disks: whole devices that hold data themselves (no partitions, loop, ram, zram, dm, md, optical), so that "
      "stacked\n"
      "devices are not counted twice. File systems: local ones, each device once. Interfaces: all but loopback and "
      "those\n"
      "whose traffic another one counts (bridges, veth, tun, members of a bond).\n";
  return out;
}

}  // namespace
}  // namespace dragonfly

int main() {
  const std::string text = dragonfly::page();
  return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0 ? 0 : 1;
}
