// Files: appending with an explicit sync, whole-file replacement that survives a power cut, directories with a lock.
//
// Units      sizes in bytes.
// Ownership  an object owns its descriptor.
// Threading  one object, one thread; the functions may be called from any.
// Errors     kNoSpace (ENOSPC, EDQUOT), kNotFound, kAlreadyExists, kPermissionDenied, kIo; kResourceExhausted where a
//            file is longer than the caller's limit; messages name path and cause. A failed sync() leaves unknown what is on disk: the caller must end the process or set the file
//            aside, never retry.
// Limits     files are made 0600 and directories 0700.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/core/bytes.h"
#include "base/core/result.h"

namespace dragonfly {

using Path = std::filesystem::path;

// What a log writes to. An interface, so that a test can fail the n-th operation or lose what was not synced.
class AppendFile {
 public:
  virtual ~AppendFile() = default;
  // All or nothing as far as size() tells: after an error the file may hold a torn tail, which truncate() removes.
  virtual Result<> append(ByteView bytes) = 0;
  virtual Result<> sync() = 0;  // fdatasync
  virtual Result<> truncate(uint64_t size) = 0;
  virtual uint64_t size() const = 0;
};

class FileSystem {
 public:
  virtual ~FileSystem() = default;
  // Opens for appending at its end; creates it where `create`, then also syncs the directory.
  virtual Result<std::unique_ptr<AppendFile>> open_append(const Path& path, bool create) = 0;
  virtual Result<Bytes> read_file(const Path& path, uint64_t bytes_max) = 0;
  // Temporary file (`path`.tmp), fsync, rename, fsync of the directory: after a crash the old or the new content, never
  // a mix. One caller a path at a time.
  virtual Result<> replace_file(const Path& path, ByteView content) = 0;
  virtual Result<> make_directories(const Path& path) = 0;
  virtual Result<> remove(const Path& path) = 0;  // Absent is success.
  virtual Result<> sync_directory(const Path& path) = 0;
  // Names of the entries of a directory, sorted.
  virtual Result<std::vector<std::string>> list(const Path& path) = 0;
};

// The real one.
FileSystem& system_files();

// Holds `directory`/LOCK until it dies. kUnavailable at once, naming the holder's pid, where another process has it.
class DirectoryLock {
 public:
  static Result<DirectoryLock> acquire(const Path& directory);
  ~DirectoryLock();
  DirectoryLock(DirectoryLock&& other) noexcept;
  DirectoryLock& operator=(DirectoryLock&& other) noexcept;

 private:
  explicit DirectoryLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_ = -1;
};

}  // namespace dragonfly
