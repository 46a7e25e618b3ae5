// File systems: proc/self/mounts, and the sizes of the local ones, each device once.
//
// A mount that lies over or under a network's file system is never asked: its server may be gone, and the question
// would hang.
//
// Units      bytes.
// Ownership  values; a Mount borrows the text.
// Threading  one object, one thread.
// Errors     file systems that cannot be asked are left out; without any the fields stay absent.
// Limits     none.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "edge/probe/linux/source.h"

namespace dragonfly::linux_probe {

// A line of proc/self/mounts; spaces in names are still written \040.
struct Mount {
  std::string_view source;
  std::string_view point;
  std::string_view type;
};
std::optional<Mount> parse_mount_line(std::string_view line);
bool is_local_type(std::string_view type);
bool is_network_type(std::string_view type);
// Appends `text` with \ooo replaced by the byte of that octal number.
void append_unescaped(std::string_view text, std::string& out);

class FileSystemProbe {
 public:
  explicit FileSystemProbe(FileSystemSizeFunction size) : size_(std::move(size)) {}
  void collect(Root& root, Row& row);

 private:
  struct Counted {
    std::string_view device;
    uint64_t free;
  };
  bool read_mounts(Root& root);
  bool is_reachable(size_t mount) const;
  void add(Root& root, const Mount& mount);
  bool is_under_root_overlay(const FileSystemSize& size) const;

  FileSystemSizeFunction size_;
  SourceFile mounts_file_{"proc/self/mounts"};
  std::string text_;           // Of mounts_file_, as long as it stays the same.
  std::vector<Mount> mounts_;  // All; these and the next are views of text_.
  std::vector<Mount> wanted_;  // In the order in which they are asked.
  // Refilled at each reading.
  std::vector<Counted> counted_;
  std::vector<std::string_view> sources_;
  std::optional<FileSystemSize> overlay_;
  FileSystemSize sum_;
  std::string path_;
};

}  // namespace dragonfly::linux_probe
