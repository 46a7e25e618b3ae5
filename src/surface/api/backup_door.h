// BackupDoor: backups of a running server, one at a time, each a directory of its own below one that the operator chose.
//
// Units      bytes.
// Ownership  answers are moved to the caller.
// Threading  any thread. start() returns at once.
// Errors     start: kInvalidArgument (the name), kAlreadyExists (a backup of that name), kConflict (one is being made, or
//            too many are there).
// Limits     names of 1 to kBackupNameBytesMax letters, digits, '.', '_' and '-', the first a letter or digit: none leads
//            elsewhere.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/core/result.h"

namespace dragonfly {

inline constexpr size_t kBackupNameBytesMax = 64;

struct BackupStatus {
  enum class State : uint8_t { kNone, kRunning, kDone, kFailed } state = State::kNone;
  std::string name;
  std::string directory;  // Where backups lie.
  uint64_t bytes_done = 0;
  uint64_t bytes_total = 0;  // 0 until it is known.
  std::string message;       // Why it failed.
};

class BackupDoor {
 public:
  virtual ~BackupDoor() = default;
  // An empty name: the server's choice.
  virtual Result<BackupStatus> start(std::string name) = 0;
  // Of the newest since the server started.
  virtual BackupStatus status() const = 0;
  // Finished ones, ascending.
  virtual Result<std::vector<std::string>> names() const = 0;
};

}  // namespace dragonfly
