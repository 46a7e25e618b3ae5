// Sources: the files that probes read, below one root.
//
// Files of the proc and sysfs file systems make their text anew at each read from the start, so they stay open. All
// others (fixtures, utmp, files that a container's FUSE puts over /proc) may be replaced or cached, and are opened each
// time.
//
// Units      bytes.
// Ownership  a text that read() gives lives in the Root until its next read.
// Threading  one Root and its sources, one thread.
// Errors     nullopt; counted in Root::stats, once a read, but not by exists(), link_exists() and read_optional().
// Limits     files of less than kProbeSourceBytesMax bytes.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "edge/probe/probe.h"

namespace dragonfly::linux_probe {

class SourceFile {
 public:
  // How the kernel makes the text: a file of one record ends where a read was not filled, one of short lines where a
  // read left room for one more in the kernel's own buffer. So they need no read that only finds their end.
  enum class Records { kOne, kShortLines, kAny };
  // `path` is relative to the root: "proc/stat". Without `keep` it is opened each time, wherever it lies.
  explicit SourceFile(std::string path, Records records = Records::kAny, bool keep = true)
      : path_(std::move(path)), records_(records), keep_(keep) {}
  ~SourceFile() { close(); }
  SourceFile(SourceFile&& other) noexcept
      : path_(std::move(other.path_)),
        records_(other.records_),
        keep_(other.keep_),
        fd_(std::exchange(other.fd_, -1)) {}
  SourceFile(const SourceFile&) = delete;
  SourceFile& operator=(const SourceFile&) = delete;
  SourceFile& operator=(SourceFile&&) = delete;
  const std::string& path() const { return path_; }

 private:
  friend class Root;
  void close();
  std::string path_;
  Records records_;
  bool keep_;
  int fd_ = -1;  // Open between reads only where it may stay so.
};

class Root {
 public:
  Root(const std::string& path, ProbeStats& stats);
  ~Root();
  Root(const Root&) = delete;
  Root& operator=(const Root&) = delete;

  std::optional<std::string_view> read(SourceFile& file);
  // The same for files whose absence says something by itself.
  std::optional<std::string_view> read_optional(SourceFile& file);
  std::optional<std::string_view> read_optional(const std::string& path);
  // Of proc/self/mounts alone, which the kernel watches for us (proc(5)): whether it is as it was at the last read. It is
  // the dearest of all files to make.
  bool is_unchanged(const SourceFile& mounts) const;
  bool exists(const std::string& path) const;
  // The last part of the link's target; empty where it is none.
  std::string link_name(const std::string& path) const;
  bool directory_has_entries(const std::string& path) const;
  // A directory's descriptor to be owned by the caller, or -1.
  int open_directory(const std::string& path) const;
  // The path with the root before it.
  std::string full(const std::string& path) const { return path_ + path; }

  ProbeStats& stats;

 private:
  std::optional<std::string_view> read_whole(int fd, SourceFile::Records records);
  std::string path_;  // Ends with a slash.
  int fd_;
  std::vector<char> buffer_;
  bool too_large_ = false;
};

}  // namespace dragonfly::linux_probe
