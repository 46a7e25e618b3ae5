// Whether the files of tokens and of the audit log are whole; changes nothing.
//
// Units      counts of lines.
// Ownership  values.
// Threading  pure but for the files.
// Errors     what is damaged is told in AccessCheck::damage, a line each: the file and the line's number, never its text.
// Limits     those of the files; kAccessDamageMax places are named, all are counted.
#pragma once

#include <string>
#include <vector>

#include "base/fs/file.h"

namespace dragonfly {

inline constexpr size_t kAccessDamageMax = 20;

struct AccessCheck {
  size_t entries = 0;
  size_t damaged = 0;
  std::vector<std::string> damage;
};

// A file that is not there has none.
AccessCheck check_tokens(FileSystem& files, const Path& data_directory);
AccessCheck check_audit(FileSystem& files, const Path& data_directory);

}  // namespace dragonfly
