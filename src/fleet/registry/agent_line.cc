#include "fleet/registry/agent_line.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/core/bytes.h"
#include "base/core/crc32c.h"
#include "base/core/result.h"

namespace dragonfly {
namespace {

constexpr std::string_view kKind = "agent-1";

template <class Number>
bool parse_number(std::string_view text, Number& out, int base) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out, base);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

std::string format_agent_line(const AgentRecord& record) {
  std::string line = fmt::format("{}\t{:016x}\t{}\t{}\t{}\t{}\t{}", kKind, record.agent_id, record.epoch,
                                 record.revoked ? "revoked" : "active", record.vm.ns, record.vm.mcis, record.vm.vm);
  line += fmt::format("\t{:08x}\n", crc32c(as_bytes(line)));
  return line;
}

std::optional<AgentRecord> parse_agent_line(std::string_view line) {
  const size_t last_tab = line.rfind('\t');
  uint32_t checksum = 0;
  if (last_tab == std::string_view::npos || !parse_number(line.substr(last_tab + 1), checksum, 16)) return std::nullopt;
  line = line.substr(0, last_tab);
  if (crc32c(as_bytes(line)) != checksum) return std::nullopt;
  std::array<std::string_view, 7> columns;
  for (size_t i = 0; i < columns.size(); ++i) {
    const size_t tab = i + 1 < columns.size() ? line.find('\t') : line.size();
    if (tab == std::string_view::npos) return std::nullopt;
    columns[i] = line.substr(0, tab);
    line.remove_prefix(std::min(tab + 1, line.size()));
  }
  AgentRecord record;
  if (columns[0] != kKind || !parse_number(columns[1], record.agent_id, 16) ||
      !parse_number(columns[2], record.epoch, 10)) {
    return std::nullopt;
  }
  record.revoked = columns[3] == "revoked";
  record.vm = {std::string(columns[4]), std::string(columns[5]), std::string(columns[6])};
  return record;
}

}  // namespace dragonfly
