#include "store/backup/backup.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

#include "base/core/crc32c.h"

namespace dragonfly {
namespace {

namespace fs = std::filesystem;

constexpr size_t kBlockBytes = size_t{1} << 20;

tl::unexpected<Error> fail_errno(std::string_view what, const Path& path, int error) {
  const auto code = error == ENOSPC || error == EDQUOT ? ErrorCode::kNoSpace
                    : error == ENOENT                  ? ErrorCode::kNotFound
                    : error == EEXIST                  ? ErrorCode::kAlreadyExists
                                                       : ErrorCode::kIo;
  return fail(code, "{} {}: {}", what, path.native(), std::generic_category().message(error));
}

class Descriptor {
 public:
  Descriptor(const Path& path, int flags) : value_(::open(path.c_str(), flags | O_CLOEXEC, 0600)) {}
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  bool ok() const { return value_ >= 0; }
  int get() const { return value_; }

 private:
  const int value_;
};

struct Digest {
  uint64_t bytes = 0;
  uint32_t crc32c = 0;
};

// Reads `from` to its end; with `to` (0600, new) writes what it reads there and makes it durable.
Result<Digest> stream_file(const Path& from, const Path* to, const std::function<void(uint64_t)>& took) {
  const Descriptor source(from, O_RDONLY);
  if (!source.ok()) return fail_errno("open", from, errno);
  const Descriptor target(to != nullptr ? *to : Path("/dev/null"),
                          to != nullptr ? O_WRONLY | O_CREAT | O_EXCL : O_WRONLY);
  if (!target.ok()) return fail_errno("create", *to, errno);
  Digest out;
  Bytes block(kBlockBytes);
  while (true) {
    const ssize_t got = ::read(source.get(), block.data(), block.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno("read", from, errno);
    if (got == 0) break;
    const ByteView bytes(block.data(), static_cast<size_t>(got));
    out.crc32c = crc32c(bytes, out.crc32c);
    out.bytes += bytes.size();
    for (size_t written = 0; to != nullptr && written < bytes.size();) {
      const ssize_t n = ::write(target.get(), bytes.data() + written, bytes.size() - written);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return fail_errno("write", *to, errno);
      written += static_cast<size_t>(n);
    }
    took(bytes.size());
  }
  if (to != nullptr && ::fsync(target.get()) != 0) return fail_errno("fsync", *to, errno);
  return out;
}

// Every regular file below `root` by relative path, sorted; kUnsupported for what is neither file nor directory.
Result<std::vector<std::pair<std::string, uint64_t>>> list_files(const Path& root) {
  std::vector<std::pair<std::string, uint64_t>> out;
  std::error_code error;
  for (fs::recursive_directory_iterator at(root, error), end; !error && at != end; at.increment(error)) {
    const std::string path = at->path().lexically_relative(root).string();
    if (at.depth() == 0 && !is_part_of_backup(path)) {
      at.disable_recursion_pending();
      continue;
    }
    if (at->is_directory(error)) continue;
    if (!at->is_regular_file(error) || at->is_symlink(error))
      return fail(ErrorCode::kUnsupported, "{} is not a plain file", at->path().string());
    if (at.depth() == 0 && path == kManifestName) continue;
    out.emplace_back(path, at->file_size(error));
  }
  if (error) return fail(ErrorCode::kIo, "cannot list {}: {}", root.string(), error.message());
  std::ranges::sort(out);
  return out;
}

Result<> make_parent(const Path& file) { return system_files().make_directories(file.parent_path()); }

// Whether a file with this name is never written again once it is complete.
bool never_changes(std::string_view path) { return path.starts_with("store/") && path.ends_with(".sst"); }

Result<> sync_tree(const Path& root) {
  std::error_code error;
  for (fs::recursive_directory_iterator at(root, error), end; !error && at != end; at.increment(error)) {
    const bool is_directory = at->is_directory(error);
    const Descriptor opened(at->path(), O_RDONLY | (is_directory ? O_DIRECTORY : 0));
    if (!opened.ok()) return fail_errno("open", at->path(), errno);
    if (::fsync(opened.get()) != 0) return fail_errno("fsync", at->path(), errno);
  }
  if (error) return fail(ErrorCode::kIo, "cannot list {}: {}", root.string(), error.message());
  return system_files().sync_directory(root);
}

// Sums up what is done of all files, for the progress.
class Tally {
 public:
  Tally(uint64_t total, const BackupProgress& progress) : total_(total), progress_(progress) {}
  void took(uint64_t bytes) {
    done_ += bytes;
    if (progress_) progress_(std::min(done_, total_), total_);
  }

 private:
  uint64_t done_ = 0;
  const uint64_t total_;
  const BackupProgress& progress_;
};

Result<> rename_whole(const Path& from, const Path& to) {
  std::error_code error;
  fs::rename(from, to, error);
  if (error) return fail(ErrorCode::kIo, "cannot rename {} to {}: {}", from.string(), to.string(), error.message());
  return system_files().sync_directory(to.has_parent_path() ? to.parent_path() : Path("."));
}

Result<> must_be_absent(const Path& path) {
  std::error_code error;
  if (!fs::exists(path, error) || fs::is_empty(path, error)) return {};
  return fail(ErrorCode::kAlreadyExists, "{} is there already and not empty; name another, or move it away",
              path.string());
}

}  // namespace

bool is_part_of_backup(std::string_view name) {
  return name != "LOCK" && name != "listening" && name != "backups" && name != "reserve" && !name.ends_with(".tmp") &&
         !name.ends_with(".part");
}

Result<> copy_backup_file(const Path& from, const Path& to, bool may_link) {
  DF_TRY(make_parent(to));
  if (may_link && ::link(from.c_str(), to.c_str()) == 0) return {};
  auto copied = stream_file(from, &to, [](uint64_t) {});
  if (!copied) return fail(copied.error());
  return {};
}

Result<> copy_data_directory(const Path& from, const Path& to, const BackupProgress& progress) {
  const auto all = list_files(from);
  if (!all) return fail(all.error());
  uint64_t total = 0;
  for (const auto& [path, bytes] : *all) total += bytes;
  Tally tally(total, progress);
  DF_TRY(system_files().make_directories(to));
  for (const auto& [path, bytes] : *all) {
    DF_TRY(copy_backup_file(from / path, to / path, never_changes(path)));
    tally.took(bytes);
  }
  return {};
}

Result<BackupManifest> finish_backup(FileSystem& files, const Path& part, const Path& target, Timestamp created,
                                     std::string_view version, const BackupProgress& progress) {
  DF_TRY(must_be_absent(target));
  const auto all = list_files(part);
  if (!all) return fail(all.error());
  uint64_t total = 0;
  for (const auto& [path, bytes] : *all) total += bytes;
  Tally tally(total, progress);
  BackupManifest manifest;
  manifest.created = from_unix_ms(unix_ms(created) / 1000 * 1000);
  manifest.version = version;
  for (const auto& [path, bytes] : *all) {
    const auto digest = stream_file(part / path, nullptr, [&](uint64_t n) { tally.took(n); });
    if (!digest) return fail(digest.error());
    manifest.files.push_back({path, digest->bytes, digest->crc32c});
  }
  DF_TRY(sync_tree(part));
  DF_TRY(files.replace_file(part / kManifestName, as_bytes(manifest.encode())));
  DF_TRY(rename_whole(part, target));
  return manifest;
}

Result<BackupManifest> read_manifest(FileSystem& files, const Path& backup) {
  const auto text = files.read_file(backup / kManifestName, kManifestBytesMax);
  if (!text) {
    if (text.error().code != ErrorCode::kNotFound) return fail(text.error());
    return fail(ErrorCode::kNotFound, "{} is not a backup: it has no {}", backup.string(), kManifestName);
  }
  return BackupManifest::decode(as_text(*text));
}

Result<std::vector<std::string>> verify_backup(FileSystem& files, const Path& backup, const BackupProgress& progress) {
  const auto manifest = read_manifest(files, backup);
  if (!manifest) return fail(manifest.error());
  Tally tally(manifest->bytes(), progress);
  std::vector<std::string> damage;
  for (const BackupFile& file : manifest->files) {
    const auto digest = stream_file(backup / file.path, nullptr, [&](uint64_t n) { tally.took(n); });
    if (!digest) {
      damage.push_back(digest.error().message);
    } else if (digest->bytes != file.bytes) {
      damage.push_back(fmt::format("{}: {} bytes instead of {}", file.path, digest->bytes, file.bytes));
    } else if (digest->crc32c != file.crc32c) {
      damage.push_back(fmt::format("{}: its checksum does not match", file.path));
    }
  }
  return damage;
}

namespace {

// Copies the backup's files to the new directory `to`, verified on the way; the manifest, too, where `as_backup`.
Result<BackupManifest> copy_verified(FileSystem& files, const Path& backup, const Path& to, bool as_backup,
                                     const BackupProgress& progress) {
  auto manifest = read_manifest(files, backup);
  if (!manifest) return fail(manifest.error());
  DF_TRY(must_be_absent(to));
  const Path part = to.string() + ".part";
  std::error_code error;
  fs::remove_all(part, error);
  DF_TRY(files.make_directories(part));
  Tally tally(manifest->bytes(), progress);
  const auto copy = [&]() -> Result<> {
    for (const BackupFile& file : manifest->files) {
      const Path target = part / file.path;
      DF_TRY(make_parent(target));
      const auto digest = stream_file(backup / file.path, &target, [&](uint64_t n) { tally.took(n); });
      if (!digest) return fail(digest.error());
      if (digest->bytes != file.bytes || digest->crc32c != file.crc32c)
        return fail(ErrorCode::kCorruption,
                    "{} of the backup is damaged (its checksum does not match); nothing was copied", file.path);
    }
    DF_TRY(sync_tree(part));
    if (as_backup) DF_TRY(files.replace_file(part / kManifestName, as_bytes(manifest->encode())));
    fs::remove(to, error);  // Empty, or absent.
    return rename_whole(part, to);
  };
  if (const auto done = copy(); !done) {
    fs::remove_all(part, error);
    return fail(done.error());
  }
  return manifest;
}

}  // namespace

Result<BackupManifest> restore_backup(FileSystem& files, const Path& backup, const Path& to,
                                      const BackupProgress& progress) {
  return copy_verified(files, backup, to, false, progress);
}

Result<> move_backup(FileSystem& files, const Path& from, const Path& to, const BackupProgress& progress) {
  DF_TRY(must_be_absent(to));
  DF_TRY(make_parent(fs::absolute(to)));
  std::error_code error;
  fs::rename(from, to, error);
  if (!error) return system_files().sync_directory(fs::absolute(to).parent_path());
  if (error != std::errc::cross_device_link)
    return fail(ErrorCode::kIo, "cannot rename {} to {}: {}", from.string(), to.string(), error.message());
  if (auto copied = copy_verified(files, from, to, true, progress); !copied) return fail(copied.error());
  fs::remove_all(from, error);
  return {};
}

}  // namespace dragonfly
