#include "fleet/registry/agent_line.h"

#include <array>

#include "base/core/checked_line.h"
#include "base/core/number.h"
#include "base/core/result.h"

namespace dragonfly {
namespace {

constexpr std::string_view kKind = "agent-1";
constexpr size_t kColumns = 7;

}  // namespace

std::string format_agent_line(const AgentRecord& record) {
  const std::string agent_id = fmt::format("{:016x}", record.agent_id);
  const std::string epoch = fmt::format("{}", record.epoch);
  const std::array<std::string_view, kColumns> columns = {
      kKind, agent_id, epoch, record.revoked ? "revoked" : "active", record.vm.ns, record.vm.mcis, record.vm.vm};
  return format_checked_line(columns);
}

std::optional<AgentRecord> parse_agent_line(std::string_view line) {
  const auto columns = parse_checked_line(line);
  if (!columns || columns->size() != kColumns || columns->front() != kKind) return std::nullopt;
  const auto& c = *columns;
  AgentRecord record;
  const auto agent_id = parse_number<decltype(record.agent_id)>(c[1], 16);
  const auto epoch = parse_number<decltype(record.epoch)>(c[2]);
  if (!agent_id || !epoch) return std::nullopt;
  record.agent_id = *agent_id;
  record.epoch = *epoch;
  record.revoked = c[3] == "revoked";
  record.vm = {std::string(c[4]), std::string(c[5]), std::string(c[6])};
  return record;
}

}  // namespace dragonfly
