#include "fleet/access/access_check.h"

#include <functional>

#include "base/core/checked_line.h"
#include "fleet/access/audit_log.h"
#include "fleet/access/token_file.h"

namespace dragonfly {
namespace {

constexpr uint64_t kBytesMax = 64u << 20;

void add_damage(AccessCheck& out, std::string text) {
  ++out.damaged;
  if (out.damage.size() < kAccessDamageMax) out.damage.push_back(std::move(text));
}

// `count`: entries of one line alone; 0: it is none.
void check_lines(FileSystem& files, const Path& path, const std::function<size_t(std::string_view)>& count,
                 AccessCheck& out) {
  const auto content = files.read_file(path, kBytesMax);
  if (!content && content.error().code == ErrorCode::kNotFound) return;
  if (!content) return add_damage(out, content.error().message);
  size_t number = 0;
  for (const std::string_view line : lines_of(as_text(*content))) {
    ++number;
    if (line.empty() || line.starts_with('#')) continue;
    const size_t entries = count(line);
    out.entries += entries;
    if (entries == 0) add_damage(out, fmt::format("{}: line {} is cut or damaged", path.string(), number));
  }
}

}  // namespace

AccessCheck check_tokens(FileSystem& files, const Path& data_directory) {
  AccessCheck out;
  const Path path = data_directory / "secrets" / "tokens";
  const auto content = files.read_file(path, kBytesMax);
  if (!content && content.error().code == ErrorCode::kNotFound) return out;
  const auto parsed = content ? parse_token_file(as_text(*content)) : fail(content.error());
  if (!parsed) {
    add_damage(out, fmt::format("{}: {}", path.string(), parsed.error().message));
    return out;
  }
  out.entries = parsed->tokens.size();
  out.damaged = parsed->damaged_lines;
  if (out.damaged > 0) out.damage.push_back(fmt::format("{}: {} lines are cut or damaged", path.string(), out.damaged));
  return out;
}

AccessCheck check_audit(FileSystem& files, const Path& data_directory) {
  AccessCheck out;
  for (const char* const name : {kAuditOlder, kAuditNewer}) {
    check_lines(
        files, data_directory / "audit" / name, [](std::string_view line) { return parse_audit_lines(line).size(); },
        out);
  }
  return out;
}

}  // namespace dragonfly
