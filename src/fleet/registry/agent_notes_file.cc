#include "fleet/registry/agent_notes_file.h"

#include "base/core/checked_line.h"
#include "base/core/names.h"

namespace dragonfly {
namespace {

constexpr std::string_view kHeading = "cb-dragonfly agent metadata 1\n";
constexpr std::string_view kEnabled = "enable";
constexpr std::string_view kDisabled = "disable";
constexpr std::string_view kNone = "-";
constexpr size_t kColumns = 7;

std::optional<NotedAgent> parse_line(std::string_view line) {
  const auto columns = parse_checked_line(line);
  if (!columns || columns->size() != kColumns) return std::nullopt;
  const auto& c = *columns;
  NotedAgent out{{std::string(c[0]), std::string(c[1]), std::string(c[2])},
                 {c[3] == kEnabled, std::string(c[4]), std::string(c[5]), std::nullopt}};
  for (const size_t name : {0, 1, 2, 4}) {
    if (!check_name("name", c[name])) return std::nullopt;
  }
  if (c[3] != kEnabled && c[3] != kDisabled) return std::nullopt;
  if (!c[5].empty() && !check_name("public_ip", c[5])) return std::nullopt;
  if (c[6] == kNone) return out;
  const auto forgotten = parse_rfc3339(c[6]);
  if (!forgotten) return std::nullopt;
  out.note.forgotten = *forgotten;
  return out;
}

}  // namespace

Result<AgentNotesFile> parse_agent_notes(std::string_view text) {
  if (!text.starts_with(kHeading))
    return fail(ErrorCode::kUnsupported, "it does not begin with '{}'", kHeading.substr(0, kHeading.size() - 1));
  text.remove_prefix(kHeading.size());
  AgentNotesFile out;
  for (const std::string_view line : lines_of(text)) {
    auto agent = parse_line(line);
    if (agent && out.agents.size() < kAgentNotesMax) {
      out.agents.push_back(std::move(*agent));
    } else {
      ++out.damaged_lines;
    }
  }
  return out;
}

std::string format_agent_notes(const std::vector<NotedAgent>& agents) {
  std::string out(kHeading);
  for (const auto& [vm, note] : agents) {
    const std::string forgotten = note.forgotten ? format_rfc3339(*note.forgotten) : std::string(kNone);
    const std::string_view columns[] = {
        vm.ns, vm.mcis, vm.vm, note.enabled ? kEnabled : kDisabled, note.service_type, note.public_ip, forgotten};
    out += format_checked_line(columns);
  }
  return out;
}

}  // namespace dragonfly
