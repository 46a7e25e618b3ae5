// AuditLog: every change that was made through the API: who, from where, what, before, after (docs/formats/audit.md).
//
// Units      times as base/core/time.h.
// Ownership  borrows FileSystem, which outlives it; owns <data>/audit.
// Threading  any thread: a mutex held while a line is written and synced; changes are rare.
// Errors     those of the files; an entry that could not be written is none. A damaged line is left out.
// Limits     kAuditFileBytesMax in each of two files: beyond it the older of the two is forgotten.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/core/time.h"
#include "base/fs/file.h"

namespace dragonfly {

inline constexpr uint64_t kAuditFileBytesMax = 8u << 20;
// Its two files, in "audit" of the data directory.
inline constexpr const char* kAuditNewer = "log";
inline constexpr const char* kAuditOlder = "log.old";

struct AuditEntry {
  Timestamp time{};
  std::string who;     // A token's name; "-" where nobody was asked.
  std::string from;    // Address and port.
  std::string what;    // "token new", …
  std::string before;  // JSON on one line; empty: there was none.
  std::string after;
  bool operator==(const AuditEntry&) const = default;
};

std::string format_audit_line(const AuditEntry& entry);
// Oldest first.
std::vector<AuditEntry> parse_audit_lines(std::string_view text);

class AuditLog {
 public:
  static Result<std::unique_ptr<AuditLog>> open(FileSystem& files, const Path& data_directory);
  Result<> add(const AuditEntry& entry);
  // Newest first.
  Result<std::vector<AuditEntry>> newest(size_t limit);

 private:
  AuditLog(FileSystem& files, Path directory) : files_(files), directory_(std::move(directory)) {}
  Result<std::string> read(const char* name);
  FileSystem& files_;
  const Path directory_;
  std::mutex mutex_;  // Of the two files.
};

}  // namespace dragonfly
