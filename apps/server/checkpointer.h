// Checkpointer: every interval makes durable what heads were sealed to, saves names and agents' states, and cuts the log
// below the oldest row that the store does not have.
//
// Order: end of the log, in-flight batches of all shards, unsealed rows of all shards (a batch that was in flight is then
// either still counted or in a head), then metadata, store, log.
//
// Units      ns.
// Ownership  borrows everything, which outlives it; owns its thread.
// Threading  start(), stop(): the owner's thread. run_once(), hold(): any thread that may wait for files.
// Errors     logged; the log is then not cut and the next turn tries again.
// Limits     one checkpoint at a time.
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>

#include "fleet/registry/directory.h"
#include "ingest/receiver/shard.h"
#include "store/log/log.h"
#include "store/tsdb/chunk_db.h"

namespace dragonfly {

class Checkpointer {
 public:
  struct Parts {
    std::vector<Shard*> shards;
    LiveDirectory& directory;
    ChunkDb& store;
    Log& log;
  };
  explicit Checkpointer(Parts parts) : parts_(std::move(parts)) {}
  ~Checkpointer() { stop(); }
  void start(Duration interval);
  void stop();
  Result<> run_once();
  // While it is held no checkpoint is made and the log is not cut.
  [[nodiscard]] std::unique_lock<std::mutex> hold() { return std::unique_lock(turn_mutex_); }

 private:
  const Parts parts_;
  std::mutex turn_mutex_;  // Held for a whole checkpoint, and by a backup while it copies: both take their time.
  std::jthread thread_;
};

}  // namespace dragonfly
