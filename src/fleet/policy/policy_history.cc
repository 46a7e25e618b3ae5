#include "fleet/policy/policy_history.h"

#include <optional>

#include "base/core/checked_line.h"
#include "base/core/number.h"

namespace dragonfly {
namespace {

constexpr size_t kColumnsBefore = 3;  // Those of the changes.

std::optional<PolicyVersion> parse_line(std::string_view line) {
  const auto columns = parse_checked_line(line);
  if (!columns || columns->size() < kColumnsBefore) return std::nullopt;
  const auto number = parse_number<uint64_t>((*columns)[0]);
  const auto time = parse_rfc3339((*columns)[1]);
  if (!number || !time) return std::nullopt;
  PolicyVersion version{*number, {std::string((*columns)[2]), *time}, {}};
  for (size_t i = kColumnsBefore; i < columns->size(); ++i) {
    const std::string_view change = (*columns)[i];
    const size_t equals = change.find('=');
    if (equals == std::string_view::npos) return std::nullopt;
    version.changed.emplace(change.substr(0, equals), change.substr(equals + 1));
  }
  return version;
}

}  // namespace

std::vector<PolicyVersion> parse_policy_history(std::string_view text) {
  std::vector<PolicyVersion> out;
  for (const std::string_view line : lines_of(text)) {
    if (auto version = parse_line(line)) out.push_back(std::move(*version));
  }
  if (out.size() > kPolicyHistoryMax) out.erase(out.begin(), out.end() - kPolicyHistoryMax);
  return out;
}

std::string format_policy_history(const std::vector<PolicyVersion>& versions) {
  std::string out;
  for (const PolicyVersion& version : versions) {
    std::vector<std::string> texts = {std::to_string(version.number), format_rfc3339(version.author.time),
                                      version.author.who.empty() ? "-" : version.author.who};
    for (const auto& [name, value] : version.changed) texts.push_back(name + "=" + value);
    const std::vector<std::string_view> columns(texts.begin(), texts.end());
    out += format_checked_line(columns);
  }
  return out;
}

}  // namespace dragonfly
