#include "fleet/access/audit_log.h"

#include <array>
#include <optional>

#include "base/core/checked_line.h"

namespace dragonfly {
namespace {

constexpr uint64_t kReadBytesMax = kAuditFileBytesMax + (1u << 20);

std::optional<AuditEntry> parse_line(std::string_view line) {
  const auto columns = parse_checked_line(line);
  if (!columns || columns->size() != 6) return std::nullopt;
  const auto& c = *columns;
  const auto time = parse_rfc3339(c[0]);
  if (!time) return std::nullopt;
  return AuditEntry{
      *time, std::string(c[1]), std::string(c[2]), std::string(c[3]), std::string(c[4]), std::string(c[5])};
}

}  // namespace

std::string format_audit_line(const AuditEntry& entry) {
  const std::string time = format_rfc3339(entry.time);
  return format_checked_line(
      std::array<std::string_view, 6>{time, entry.who, entry.from, entry.what, entry.before, entry.after});
}

std::vector<AuditEntry> parse_audit_lines(std::string_view text) {
  std::vector<AuditEntry> out;
  for (const std::string_view line : lines_of(text)) {
    if (auto entry = parse_line(line)) out.push_back(std::move(*entry));
  }
  return out;
}

Result<std::unique_ptr<AuditLog>> AuditLog::open(FileSystem& files, const Path& data_directory) {
  DF_TRY(files.make_directories(data_directory / "audit"));
  return std::unique_ptr<AuditLog>(new AuditLog(files, data_directory / "audit"));
}

Result<std::string> AuditLog::read(const char* name) {
  const auto content = files_.read_file(directory_ / name, kReadBytesMax);
  if (content) return std::string(as_text(*content));
  if (content.error().code == ErrorCode::kNotFound) return std::string();
  return fail(content.error());
}

Result<> AuditLog::add(const AuditEntry& entry) {
  // The empty line before it ends one that a crash may have cut.
  const std::string line = "\n" + format_audit_line(entry);
  const std::lock_guard lock(mutex_);
  auto file = files_.open_append(directory_ / kAuditNewer, true);
  if (!file) return fail(std::move(file).error());
  if ((*file)->size() + line.size() > kAuditFileBytesMax) {
    const auto full = read(kAuditNewer);
    if (!full) return fail(full.error());
    DF_TRY(files_.replace_file(directory_ / kAuditOlder, as_bytes(*full)));
    return files_.replace_file(directory_ / kAuditNewer, as_bytes(line));
  }
  DF_TRY((*file)->append(as_bytes(line)));
  return (*file)->sync();
}

Result<std::vector<AuditEntry>> AuditLog::newest(size_t limit) {
  std::vector<AuditEntry> out;
  const std::lock_guard lock(mutex_);
  for (const char* name : {kAuditNewer, kAuditOlder}) {
    const auto text = read(name);
    if (!text) return fail(text.error());
    std::vector<AuditEntry> entries = parse_audit_lines(*text);
    for (auto entry = entries.rbegin(); entry != entries.rend() && out.size() < limit; ++entry)
      out.push_back(std::move(*entry));
  }
  return out;
}

}  // namespace dragonfly
