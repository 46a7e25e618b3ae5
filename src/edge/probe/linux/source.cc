#include "edge/probe/linux/source.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace dragonfly::linux_probe {
namespace {

// From the kernel's ABI (statfs(2)).
constexpr long kProcMagic = 0x9fa0;
constexpr long kSysfsMagic = 0x62656572;
// What the kernel makes of a proc file of many records in one read, at least (a page); no line of ours is longer than
// kShortLine.
constexpr size_t kKernelBuffer = 4096;
constexpr size_t kShortLine = 512;

bool may_stay_open(int fd) {
  struct statfs info {};
  if (::fstatfs(fd, &info) != 0) return false;
  const auto magic = static_cast<long>(info.f_type);
  return magic == kProcMagic || magic == kSysfsMagic;
}

bool is_end(SourceFile::Records records, size_t got, size_t asked) {
  if (got == 0) return true;
  if (records == SourceFile::Records::kOne) return got < asked;
  return records == SourceFile::Records::kShortLines && got < asked && got + kShortLine <= kKernelBuffer;
}

}  // namespace

void SourceFile::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

Root::Root(const std::string& path, ProbeStats& the_stats)
    : stats(the_stats), path_(path.empty() || path.back() != '/' ? path + '/' : path), buffer_(16 * 1024) {
  fd_ = ::open(path_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
}

Root::~Root() {
  if (fd_ >= 0) ::close(fd_);
}

std::optional<std::string_view> Root::read_whole(int fd, SourceFile::Records records) {
  size_t size = 0;
  too_large_ = false;
  while (true) {
    if (size == buffer_.size()) {
      if (size >= kProbeSourceBytesMax) {
        too_large_ = true;
        return std::nullopt;
      }
      buffer_.resize(size * 2);
    }
    const size_t asked = buffer_.size() - size;
    const ssize_t got = ::pread(fd, buffer_.data() + size, asked, static_cast<off_t>(size));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::nullopt;
    size += static_cast<size_t>(got);
    if (is_end(records, static_cast<size_t>(got), asked)) return std::string_view(buffer_.data(), size);
  }
}

std::optional<std::string_view> Root::read_optional(SourceFile& file) {
  if (file.fd_ >= 0) {
    if (auto text = read_whole(file.fd_, file.records_)) return text;
    file.close();  // Its device may have gone and come back: once more by name.
  }
  const int fd = ::openat(fd_, file.path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return std::nullopt;
  auto text = read_whole(fd, file.records_);
  if (text && file.keep_ && may_stay_open(fd)) {
    file.fd_ = fd;
  } else {
    ::close(fd);
  }
  return text;
}

std::optional<std::string_view> Root::read(SourceFile& file) {
  too_large_ = false;
  auto text = read_optional(file);
  if (!text) ++(too_large_ ? stats.too_large : stats.missing);
  return text;
}

std::optional<std::string_view> Root::read_optional(const std::string& path) {
  const int fd = ::openat(fd_, path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return std::nullopt;
  auto text = read_whole(fd, SourceFile::Records::kAny);
  ::close(fd);
  return text;
}

bool Root::is_unchanged(const SourceFile& mounts) const {
  pollfd look{mounts.fd_, POLLPRI, 0};
  return mounts.fd_ >= 0 && ::poll(&look, 1, 0) == 0;
}

bool Root::exists(const std::string& path) const {
  // A link counts by itself: those of sysfs may point to what a container does not show.
  return ::faccessat(fd_, path.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

std::string Root::link_name(const std::string& path) const {
  char target[1024];
  const ssize_t size = ::readlinkat(fd_, path.c_str(), target, sizeof target);
  if (size <= 0) return {};
  const std::string_view text(target, static_cast<size_t>(size));
  return std::string(text.substr(text.rfind('/') + 1));
}

int Root::open_directory(const std::string& path) const {
  return ::openat(fd_, path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

bool Root::directory_has_entries(const std::string& path) const {
  const int fd = open_directory(path);
  if (fd < 0) return false;
  DIR* const directory = ::fdopendir(fd);
  if (directory == nullptr) {
    ::close(fd);
    return false;
  }
  bool found = false;
  while (const dirent* entry = ::readdir(directory)) {
    if (entry->d_name[0] != '.') found = true;
  }
  ::closedir(directory);
  return found;
}

}  // namespace dragonfly::linux_probe
