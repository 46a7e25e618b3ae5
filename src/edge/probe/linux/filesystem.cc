#include "edge/probe/linux/filesystem.h"

#include <sys/statvfs.h>

#include <algorithm>

#include "edge/probe/fields.h"
#include "edge/probe/linux/text.h"

namespace dragonfly {

std::optional<FileSystemSize> system_file_system_size(const std::string& path) {
  struct statvfs info {};
  if (::statvfs(path.c_str(), &info) != 0) return std::nullopt;
  const uint64_t unit = info.f_frsize != 0 ? info.f_frsize : info.f_bsize;
  const uint64_t used = info.f_blocks > info.f_bfree ? info.f_blocks - info.f_bfree : 0;
  return FileSystemSize{info.f_blocks * unit, used * unit, info.f_bavail * unit};
}

namespace linux_probe {
namespace {

constexpr std::string_view kLocalTypes[] = {"ext2", "ext3", "ext4",  "xfs",  "btrfs", "zfs",     "f2fs",
                                            "jfs",  "vfat", "exfat", "ntfs", "ntfs3", "fuseblk", "ufs"};
constexpr std::string_view kNetworkTypes[] = {"cifs",   "smb3", "smbfs", "ceph",   "9p",    "afs",
                                              "lustre", "gfs2", "ocfs2", "beegfs", "ncpfs", "coda"};

bool is_inside(std::string_view path, std::string_view directory) {
  if (directory == "/") return true;
  return path.starts_with(directory) && (path.size() == directory.size() || path[directory.size()] == '/');
}

}  // namespace

bool is_local_type(std::string_view type) {
  return std::find(std::begin(kLocalTypes), std::end(kLocalTypes), type) != std::end(kLocalTypes);
}

bool is_network_type(std::string_view type) {
  if (type.starts_with("nfs") || type == "fuse" || type.starts_with("fuse.")) return true;
  return std::find(std::begin(kNetworkTypes), std::end(kNetworkTypes), type) != std::end(kNetworkTypes);
}

std::optional<Mount> parse_mount_line(std::string_view line) {
  Mount mount;
  mount.source = take_word(line);
  mount.point = take_word(line);
  mount.type = take_word(line);
  if (mount.type.empty() || mount.point.front() != '/') return std::nullopt;
  return mount;
}

void append_unescaped(std::string_view text, std::string& out) {
  const auto is_octal = [](char c) { return c >= '0' && c <= '7'; };
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size() && text[i + 1] <= '3' && is_octal(text[i + 1]) &&
        is_octal(text[i + 2]) && is_octal(text[i + 3])) {
      out.push_back(static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0')));
      i += 3;
    } else {
      out.push_back(text[i]);
    }
  }
}

bool FileSystemProbe::is_reachable(size_t mount) const {
  const std::string_view point = mounts_[mount].point;
  for (size_t i = 0; i < mounts_.size(); ++i) {
    const Mount& other = mounts_[i];
    // A later mount on the same place, or on a directory above it, hides this one. The root itself is no sign of that:
    // what the first stage of the boot mounted is moved below it and stays ahead of it in the list.
    if (i > mount && (other.point == point || (other.point != "/" && is_inside(point, other.point)))) return false;
    if (i != mount && is_network_type(other.type) && other.point != "/" && is_inside(point, other.point)) return false;
  }
  return true;
}

bool FileSystemProbe::is_under_root_overlay(const FileSystemSize& size) const {
  // A container's root shows the sizes of the file system that its upper layer lies in, of which single files and
  // directories are often mounted too (/etc/hosts, volumes). They are asked one after the other, so free may move.
  if (!overlay_ || overlay_->total != size.total) return false;
  const uint64_t difference = std::max(overlay_->free, size.free) - std::min(overlay_->free, size.free);
  return difference <= size.total / 1024;
}

void FileSystemProbe::add(Root& root, const Mount& mount) {
  if (std::find(sources_.begin(), sources_.end(), mount.source) != sources_.end()) return;
  path_ = root.full("");
  append_unescaped(mount.point.substr(1), path_);
  const auto size = size_(path_);
  if (!size || size->total == 0 || is_under_root_overlay(*size)) return;
  sources_.push_back(mount.source);
  if (mount.type == "overlay") overlay_ = size;
  if (mount.type != "zfs") {
    sum_.total += size->total;
    sum_.used += size->used;
    sum_.free += size->free;
    return;
  }
  // The data sets of one pool share its free space; the largest view of it is the one without a quota.
  const std::string_view pool = mount.source.substr(0, mount.source.find('/'));
  auto at = std::find_if(counted_.begin(), counted_.end(), [pool](const Counted& c) { return c.device == pool; });
  if (at == counted_.end()) at = counted_.insert(counted_.end(), {pool, 0});
  const uint64_t more_free = size->free > at->free ? size->free - at->free : 0;
  at->free += more_free;
  sum_.free += more_free;
  sum_.used += size->used;
  sum_.total += size->used + more_free;
}

// The mounts that hold something of this machine, each a place that can be reached.
bool FileSystemProbe::read_mounts(Root& root) {
  mounts_.clear();
  wanted_.clear();
  const auto read = root.read(mounts_file_);
  if (!read) return false;
  text_ = *read;
  for (std::string_view text = text_; !text.empty();) {
    if (const auto mount = parse_mount_line(take_line(text))) mounts_.push_back(*mount);
  }
  // The root first: it decides whether others are a part of it.
  for (const bool root_turn : {true, false}) {
    for (size_t i = 0; i < mounts_.size(); ++i) {
      const Mount& mount = mounts_[i];
      const bool is_root = mount.point == "/";
      if (is_root != root_turn) continue;
      const bool wanted = is_local_type(mount.type) || (is_root && mount.type == "overlay");
      // A loop device's data is in a file of another file system, which counts it.
      const bool twice = mount.source.starts_with("/dev/loop") && !is_root;
      if (wanted && !twice && is_reachable(i)) wanted_.push_back(mount);
    }
  }
  return true;
}

void FileSystemProbe::collect(Root& root, Row& row) {
  counted_.clear();
  sources_.clear();
  overlay_.reset();
  sum_ = {};
  if (!root.is_unchanged(mounts_file_) && !read_mounts(root)) return;
  for (const Mount& mount : wanted_) add(root, mount);
  if (sum_.total == 0) return;
  set(row, disk_field::kTotal, sum_.total);
  set(row, disk_field::kUsed, sum_.used);
  set(row, disk_field::kFree, sum_.free);
  if (sum_.used + sum_.free > 0)
    set_hundredths(row, disk_field::kUtilization, percent_hundredths(sum_.used, sum_.used + sum_.free));
}

}  // namespace linux_probe
}  // namespace dragonfly
