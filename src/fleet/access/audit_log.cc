#include "fleet/access/audit_log.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "base/core/crc32c.h"

namespace dragonfly {
namespace {

constexpr const char* kNewer = "log";
constexpr const char* kOlder = "log.old";
constexpr uint64_t kReadBytesMax = kAuditFileBytesMax + (1u << 20);

std::optional<AuditEntry> parse_line(std::string_view line) {
  std::array<std::string_view, 7> columns;
  for (size_t i = 0; i < columns.size(); ++i) {
    const size_t end = i + 1 < columns.size() ? line.find('\t') : line.size();
    if (end == std::string_view::npos) return std::nullopt;
    columns[i] = line.substr(0, end);
    line.remove_prefix(std::min(end + 1, line.size()));
  }
  AuditEntry entry;
  const auto time = parse_rfc3339(columns[0]);
  if (!time) return std::nullopt;
  entry.time = *time;
  std::string* const texts[] = {&entry.who, &entry.from, &entry.what, &entry.before, &entry.after};
  for (size_t i = 0; i < 5; ++i) *texts[i] = columns[i + 1];
  // The checksum is that of the same line written again.
  const std::string again = format_audit_line(entry);
  if (std::string_view(again).substr(again.size() - 9, 8) != columns[6]) return std::nullopt;
  return entry;
}

// A column has no tab and no end of line.
std::string column(std::string_view text) {
  std::string out(text);
  std::replace_if(
      out.begin(), out.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; }, ' ');
  return out;
}

}  // namespace

std::string format_audit_line(const AuditEntry& entry) {
  std::string line = format_rfc3339(entry.time);
  for (const std::string* text : {&entry.who, &entry.from, &entry.what, &entry.before, &entry.after})
    line += "\t" + column(*text);
  return fmt::format("{}\t{:08x}\n", line, crc32c(as_bytes(line)));
}

std::vector<AuditEntry> parse_audit_lines(std::string_view text) {
  std::vector<AuditEntry> out;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
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
  auto file = files_.open_append(directory_ / kNewer, true);
  if (!file) return fail(std::move(file).error());
  if ((*file)->size() + line.size() > kAuditFileBytesMax) {
    const auto full = read(kNewer);
    if (!full) return fail(full.error());
    DF_TRY(files_.replace_file(directory_ / kOlder, as_bytes(*full)));
    return files_.replace_file(directory_ / kNewer, as_bytes(line));
  }
  DF_TRY((*file)->append(as_bytes(line)));
  return (*file)->sync();
}

Result<std::vector<AuditEntry>> AuditLog::newest(size_t limit) {
  std::vector<AuditEntry> out;
  const std::lock_guard lock(mutex_);
  for (const char* name : {kNewer, kOlder}) {
    const auto text = read(name);
    if (!text) return fail(text.error());
    std::vector<AuditEntry> entries = parse_audit_lines(*text);
    for (auto entry = entries.rbegin(); entry != entries.rend() && out.size() < limit; ++entry)
      out.push_back(std::move(*entry));
  }
  return out;
}

}  // namespace dragonfly
