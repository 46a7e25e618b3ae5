// Backup: a copy of a data directory with a manifest, made of files alone: what they mean is their owners' matter, who put
// consistent copies of them where a backup is made.
//
// A backup is a directory laid out like a data directory, plus MANIFEST. Files that never change once written (*.sst, closed
// log segments) may be hard links to the living ones; nothing else is.
//
// Units      bytes.
// Ownership  none.
// Threading  one call at a time for one directory. Progress runs on the caller's thread.
// Errors     kAlreadyExists, kNotFound, kCorruption (naming the file), kNoSpace, kIo, kInvalidArgument.
// Limits     kManifestFilesMax files.
#pragma once

#include <functional>

#include "base/fs/file.h"
#include "store/backup/manifest.h"

namespace dragonfly {

// Called often, with bytes done of all.
using BackupProgress = std::function<void(uint64_t done, uint64_t total)>;

// Entries of a data directory that are not part of it: the lock, the address of the running server, other backups, the
// reserve of disk space.
bool is_part_of_backup(std::string_view name);

// Copies the data directory `from`, which no process uses, into `to` (made; links where a file never changes).
Result<> copy_data_directory(const Path& from, const Path& to, const BackupProgress& progress);

// Copies one file of 0600, by a hard link where `may_link` and the file systems allow it.
Result<> copy_backup_file(const Path& from, const Path& to, bool may_link);

// Reads every file below `part`, writes the manifest, makes all of it durable, and renames `part` to `target`.
Result<BackupManifest> finish_backup(FileSystem& files, const Path& part, const Path& target, Timestamp created,
                                     std::string_view version, const BackupProgress& progress);

Result<BackupManifest> read_manifest(FileSystem& files, const Path& backup);

// What is not as the manifest says, a line each; empty = the backup is whole.
Result<std::vector<std::string>> verify_backup(FileSystem& files, const Path& backup, const BackupProgress& progress);

// Makes the data directory `to`, which must be absent or empty, from the backup, whose checksums are verified on the way: on
// an error nothing is left in `to`.
Result<BackupManifest> restore_backup(FileSystem& files, const Path& backup, const Path& to,
                                      const BackupProgress& progress);

// Renames a backup, or copies it, verified, to another file system. `to` must be absent or empty.
Result<> move_backup(FileSystem& files, const Path& from, const Path& to, const BackupProgress& progress);

}  // namespace dragonfly
