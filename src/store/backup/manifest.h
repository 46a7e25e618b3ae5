// Manifest of a backup: what files belong to it and what is in them. Drawn in docs/formats/backup.md.
//
// Units      bytes; `created` in whole seconds, UTC.
// Ownership  values.
// Threading  pure.
// Errors     decode: kUnsupported (a later version), kCorruption (anything else that is not exactly a manifest), naming the
//            line.
// Limits     kManifestBytesMax, kManifestFilesMax. Paths are relative, made of plain names: none leads out of the backup.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/core/bytes.h"
#include "base/core/result.h"
#include "base/core/time.h"

namespace dragonfly {

inline constexpr std::string_view kManifestName = "MANIFEST";
inline constexpr size_t kManifestBytesMax = size_t{64} << 20;
inline constexpr size_t kManifestFilesMax = 200'000;

struct BackupFile {
  std::string path;  // "store/000012.sst"
  uint64_t bytes = 0;
  uint32_t crc32c = 0;
  bool operator==(const BackupFile&) const = default;
};

struct BackupManifest {
  Timestamp created{};
  std::string version;            // Of the program that made it.
  std::vector<BackupFile> files;  // By path.

  uint64_t bytes() const;
  std::string encode() const;
  static Result<BackupManifest> decode(std::string_view text);
  bool operator==(const BackupManifest&) const = default;
};

}  // namespace dragonfly
