#include "base/fs/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <system_error>
#include <utility>

namespace dragonfly {
namespace {

constexpr mode_t kFileMode = 0600;
constexpr mode_t kDirectoryMode = 0700;

ErrorCode code_of(int error) {
  switch (error) {
    case ENOSPC:
    case EDQUOT: return ErrorCode::kNoSpace;
    case ENOENT: return ErrorCode::kNotFound;
    case EEXIST: return ErrorCode::kAlreadyExists;
    case EACCES:
    case EPERM:
    case EROFS: return ErrorCode::kPermissionDenied;
    default: return ErrorCode::kIo;
  }
}

[[nodiscard]] tl::unexpected<Error> fail_errno(std::string_view what, const Path& path, int error) {
  return fail(code_of(error), "{} {}: {}", what, path.native(), std::generic_category().message(error));
}

class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  Descriptor(Descriptor&& other) noexcept : value_(std::exchange(other.value_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  int get() const { return value_; }
  int release() { return std::exchange(value_, -1); }
  explicit operator bool() const { return value_ >= 0; }

 private:
  int value_;
};

template <class Call>
auto retry_interrupted(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

Descriptor open_path(const Path& path, int flags) {
  return Descriptor(retry_interrupted([&] { return ::open(path.c_str(), flags | O_CLOEXEC, kFileMode); }));
}

// 0 or the errno. A short write is followed by another one, which then tells the cause.
int write_at(int descriptor, ByteView bytes, uint64_t offset) {
  while (!bytes.empty()) {
    const ssize_t written =
        retry_interrupted([&] { return ::pwrite(descriptor, bytes.data(), bytes.size(), static_cast<off_t>(offset)); });
    if (written < 0) return errno;
    if (written == 0) return EIO;
    bytes = bytes.subspan(static_cast<size_t>(written));
    offset += static_cast<uint64_t>(written);
  }
  return 0;
}

Path directory_of(const Path& path) { return path.has_parent_path() ? path.parent_path() : Path("."); }

Result<> sync_directory_at(const Path& path) {
  const Descriptor directory = open_path(path, O_RDONLY | O_DIRECTORY);
  if (!directory) return fail_errno("open", path, errno);
  if (retry_interrupted([&] { return ::fsync(directory.get()); }) != 0) return fail_errno("fsync", path, errno);
  return {};
}

// Writes at the offset that it counts itself, so that an append after a failed one overwrites the torn tail.
class SystemAppendFile final : public AppendFile {
 public:
  SystemAppendFile(Path path, Descriptor descriptor, uint64_t size)
      : path_(std::move(path)), descriptor_(std::move(descriptor)), size_(size) {}

  Result<> append(ByteView bytes) override {
    if (const int error = write_at(descriptor_.get(), bytes, size_); error != 0)
      return fail_errno("write", path_, error);
    size_ += bytes.size();
    return {};
  }

  Result<> sync() override {
    // Not repeated on EINTR: what an interrupted sync left behind is not known.
    if (::fdatasync(descriptor_.get()) != 0) return fail_errno("fdatasync", path_, errno);
    return {};
  }

  Result<> truncate(uint64_t size) override {
    if (retry_interrupted([&] { return ::ftruncate(descriptor_.get(), static_cast<off_t>(size)); }) != 0)
      return fail_errno("truncate", path_, errno);
    size_ = size;
    return {};
  }

  uint64_t size() const override { return size_; }

 private:
  const Path path_;
  const Descriptor descriptor_;
  uint64_t size_;
};

Result<> write_new_file(const Path& path, ByteView content) {
  const Descriptor file = open_path(path, O_WRONLY | O_CREAT | O_TRUNC);
  if (!file) return fail_errno("create", path, errno);
  if (const int error = write_at(file.get(), content, 0); error != 0) return fail_errno("write", path, error);
  if (::fsync(file.get()) != 0) return fail_errno("fsync", path, errno);
  return {};
}

class SystemFiles final : public FileSystem {
 public:
  Result<std::unique_ptr<AppendFile>> open_append(const Path& path, bool create) override {
    Descriptor file = open_path(path, O_WRONLY | (create ? O_CREAT : 0));
    if (!file) return fail_errno("open", path, errno);
    struct stat info {};
    if (::fstat(file.get(), &info) != 0) return fail_errno("stat", path, errno);
    if (!S_ISREG(info.st_mode)) return fail(ErrorCode::kIo, "open {}: not a regular file", path.native());
    if (create) DF_TRY(sync_directory_at(directory_of(path)));
    return std::make_unique<SystemAppendFile>(path, std::move(file), static_cast<uint64_t>(info.st_size));
  }

  Result<Bytes> read_file(const Path& path, uint64_t bytes_max) override {
    const Descriptor file = open_path(path, O_RDONLY);
    if (!file) return fail_errno("open", path, errno);
    struct stat info {};
    if (::fstat(file.get(), &info) != 0) return fail_errno("stat", path, errno);
    // Files of /proc tell a size of 0; so the size is a hint and the end is where read() says. One byte more than
    // expected, so that the end is found without growing.
    Bytes out(static_cast<size_t>(std::min<uint64_t>(static_cast<uint64_t>(info.st_size), bytes_max)) + 1);
    for (size_t size = 0;;) {
      const ssize_t got = retry_interrupted([&] { return ::read(file.get(), out.data() + size, out.size() - size); });
      if (got < 0) return fail_errno("read", path, errno);
      size += static_cast<size_t>(got);
      if (size > bytes_max)
        return fail(ErrorCode::kResourceExhausted, "read {}: longer than the allowed {} bytes", path.native(),
                    bytes_max);
      if (got == 0) {
        out.resize(size);
        return out;
      }
      if (size == out.size()) out.resize(static_cast<size_t>(std::min<uint64_t>(bytes_max + 1, 2 * size + 4096)));
    }
  }

  Result<> replace_file(const Path& path, ByteView content) override {
    Path temporary = path;
    temporary += ".tmp";
    Result<> done = write_new_file(temporary, content);
    if (done.has_value() && ::rename(temporary.c_str(), path.c_str()) != 0) done = fail_errno("rename", path, errno);
    if (!done.has_value()) {
      ::unlink(temporary.c_str());
      return done;
    }
    return sync_directory_at(directory_of(path));
  }

  Result<> make_directories(const Path& path) override {
    struct stat info {};
    if (::stat(path.c_str(), &info) == 0) {
      if (S_ISDIR(info.st_mode)) return {};
      return fail(ErrorCode::kAlreadyExists, "make directory {}: a file of this name is there", path.native());
    }
    if (errno != ENOENT) return fail_errno("stat", path, errno);
    const Path parent = directory_of(path.has_filename() ? path : path.parent_path());
    if (parent != path) DF_TRY(make_directories(parent));
    if (::mkdir(path.c_str(), kDirectoryMode) != 0 && errno != EEXIST) return fail_errno("make directory", path, errno);
    return sync_directory_at(parent);
  }

  Result<> remove(const Path& path) override {
    if (::remove(path.c_str()) != 0 && errno != ENOENT) return fail_errno("remove", path, errno);
    return {};
  }

  Result<> sync_directory(const Path& path) override { return sync_directory_at(path); }

  Result<std::vector<std::string>> list(const Path& path) override {
    DIR* directory = ::opendir(path.c_str());
    if (directory == nullptr) return fail_errno("list", path, errno);
    std::vector<std::string> names;
    errno = 0;
    while (const dirent* entry = ::readdir(directory)) {
      const std::string_view name = entry->d_name;
      if (name != "." && name != "..") names.emplace_back(name);
      errno = 0;
    }
    const int error = errno;
    ::closedir(directory);
    if (error != 0) return fail_errno("list", path, error);
    std::sort(names.begin(), names.end());
    return names;
  }
};

}  // namespace

FileSystem& system_files() {
  static SystemFiles files;
  return files;
}

Result<DirectoryLock> DirectoryLock::acquire(const Path& directory) {
  const Path path = directory / "LOCK";
  Descriptor file = open_path(path, O_RDWR | O_CREAT);
  if (!file) return fail_errno("open", path, errno);
  if (retry_interrupted([&] { return ::flock(file.get(), LOCK_EX | LOCK_NB); }) != 0) {
    if (errno != EWOULDBLOCK) return fail_errno("lock", path, errno);
    char text[32] = {};
    const ssize_t got = ::pread(file.get(), text, sizeof text - 1, 0);
    int pid = 0;
    if (got > 0) std::from_chars(text, text + got, pid);
    if (pid <= 0) return fail(ErrorCode::kUnavailable, "{} is in use by another process", directory.native());
    return fail(ErrorCode::kUnavailable, "{} is in use by process {}", directory.native(), pid);
  }
  // The pid is only told to people; where it cannot be written (disk full) the lock holds as well.
  const std::string pid = std::to_string(::getpid()) + "\n";
  if (::ftruncate(file.get(), 0) == 0) (void)write_at(file.get(), as_bytes(pid), 0);
  return DirectoryLock(file.release());
}

DirectoryLock::~DirectoryLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

DirectoryLock::DirectoryLock(DirectoryLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

DirectoryLock& DirectoryLock::operator=(DirectoryLock&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

}  // namespace dragonfly
