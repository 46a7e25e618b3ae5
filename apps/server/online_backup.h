// OnlineBackup: backups beside all else that the server does.
//
// Order: no checkpoint from now on; the store's files as they are; then the log, which reaches from the store's checkpoint to
// after that moment; then registry and secrets. So a server that starts from it has every row that was acknowledged before.
//
// Units      bytes.
// Ownership  borrows what it copies, which outlives it; owns the thread of the backup that is being made. The destructor
//            gives that one up.
// Threading  any thread.
// Errors     as BackupDoor; what goes wrong later is the status' message, and a line of the log. Nothing of a failed backup
//            stays.
// Limits     one at a time; kBackupsMax finished ones in the directory.
#pragma once

#include <mutex>
#include <thread>

#include "checkpointer.h"
#include "store/backup/backup.h"
#include "surface/api/backup_door.h"

namespace dragonfly {

class OnlineBackup final : public BackupDoor {
 public:
  static constexpr size_t kBackupsMax = 100;

  struct Parts {
    Checkpointer& checkpointer;
    ChunkDb& store;
    const Clock& clock;
    Path data;
    Path directory;  // Made with the first backup.
  };
  explicit OnlineBackup(Parts parts) : parts_(std::move(parts)) {}

  Result<BackupStatus> start(std::string name) override;
  BackupStatus status() const override;
  Result<std::vector<std::string>> names() const override;
  void write_metrics(MetricsText& text) const;

 private:
  Result<> make(const std::stop_token& stop, const std::string& name);
  Result<> copy(const std::stop_token& stop, const Path& part);

  const Parts parts_;
  Counter made_;
  Counter failed_;
  Gauge last_made_s_;         // Unix time.
  mutable std::mutex mutex_;  // Guards the status: whoever asks, and the backup's thread.
  BackupStatus status_;
  std::jthread thread_;
};

}  // namespace dragonfly
