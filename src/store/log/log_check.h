// Log check: reads every segment of a log and says what is damaged; changes nothing.
//
// Units      bytes.
// Ownership  values.
// Threading  one call at a time, while no process writes the log.
// Errors     kIo: the directory cannot be listed; an absent one is a log without segments. Damage is not an error: it is what
//            is told.
// Limits     as the log's.
#pragma once

#include <functional>

#include "base/fs/file.h"
#include "store/log/segment.h"

namespace dragonfly {

struct LogCheck {
  uint64_t segments = 0;
  uint64_t records = 0;
  uint64_t bytes = 0;
  uint64_t torn_bytes = 0;          // Of an unfinished end: never acknowledged, the next start cuts them off.
  std::vector<std::string> damage;  // For people; each names its file.
};

// `from`: where the log has to begin; below it a missing or damaged segment is no damage.
Result<LogCheck> check_log(FileSystem& files, const Path& directory, LogPosition from);

}  // namespace dragonfly
