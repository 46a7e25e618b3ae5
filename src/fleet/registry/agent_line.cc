#include "fleet/registry/agent_line.h"

#include <array>

#include "base/core/checked_line.h"
#include "base/core/number.h"
#include "base/core/result.h"
#include "model/frame/machine_identity.h"

namespace dragonfly {
namespace {

constexpr std::string_view kShortKind = "agent-1";  // Of an agent that did not enrol by itself.
constexpr std::string_view kKind = "agent-2";
constexpr size_t kShortColumns = 7;
constexpr size_t kColumns = 11;

std::string_view or_dash(const std::string& text) { return text.empty() ? "-" : std::string_view(text); }

bool take_rest(const std::vector<std::string_view>& c, AgentRecord& record) {
  const auto older = parse_number<decltype(record.older_epoch)>(c[7]);
  if (!older) return false;
  record.older_epoch = *older;
  size_t column = 8;
  for (std::string* mark : {&record.machine, &record.firmware, &record.instance}) {
    auto parsed = parse_machine_mark(c[column++]);
    if (!parsed) return false;
    *mark = std::move(*parsed);
  }
  return true;
}

}  // namespace

std::string format_agent_line(const AgentRecord& record) {
  const std::string agent_id = fmt::format("{:016x}", record.agent_id);
  const std::string epoch = fmt::format("{}", record.epoch);
  const std::string older = fmt::format("{}", record.older_epoch);
  const bool is_short =
      record.older_epoch == 0 && record.machine.empty() && record.firmware.empty() && record.instance.empty();
  const std::array<std::string_view, kColumns> columns = {is_short ? kShortKind : kKind,
                                                          agent_id,
                                                          epoch,
                                                          record.revoked ? "revoked" : "active",
                                                          record.vm.ns,
                                                          record.vm.mcis,
                                                          record.vm.vm,
                                                          older,
                                                          or_dash(record.machine),
                                                          or_dash(record.firmware),
                                                          or_dash(record.instance)};
  return format_checked_line(std::span(columns).first(is_short ? kShortColumns : kColumns));
}

std::optional<AgentRecord> parse_agent_line(std::string_view line) {
  const auto columns = parse_checked_line(line);
  if (!columns) return std::nullopt;
  const auto& c = *columns;
  const bool is_short = c.front() == kShortKind;
  if ((!is_short && c.front() != kKind) || c.size() != (is_short ? kShortColumns : kColumns)) return std::nullopt;
  AgentRecord record;
  const auto agent_id = parse_number<decltype(record.agent_id)>(c[1], 16);
  const auto epoch = parse_number<decltype(record.epoch)>(c[2]);
  if (!agent_id || !epoch) return std::nullopt;
  record.agent_id = *agent_id;
  record.epoch = *epoch;
  record.revoked = c[3] == "revoked";
  record.vm = {std::string(c[4]), std::string(c[5]), std::string(c[6])};
  if (!is_short && !take_rest(c, record)) return std::nullopt;
  return record;
}

}  // namespace dragonfly
