// CommitLog: the one durable way in, as its writers see it.
//
// Units      bytes.
// Ownership  a batch is moved in and handed back to its callback, so that the same bytes feed the heads.
// Threading  submit(): any thread. Callbacks run on the committer's thread and must only pass on (post a message).
// Errors     submit() returns false when the queue is full or the log refuses (disk full): nothing was taken, nothing may
//            be acknowledged. A callback gets kNoSpace when the disk filled up: nothing of the batch was kept.
//            A failed sync ends the process.
// Limits     the implementation's queue, in bytes.
#pragma once

#include <functional>

#include "base/core/bytes.h"
#include "base/core/result.h"
#include "model/flow/log_record.h"

namespace dragonfly {

struct Committed {
  Bytes records;        // The batch, unchanged.
  LogPosition begin{};  // Of its first byte.
};

class CommitLog {
 public:
  enum class Urgency {
    kBatch,  // With the next group commit, at most 200 ms away.
    kNow,    // A writer waits: a sync starts as soon as none is running.
  };
  using Done = std::function<void(Result<Committed>)>;
  virtual ~CommitLog() = default;
  // `records` holds whole records (log_record.h). Batches are committed in the order of their submission: what was
  // submitted before is durable when a later one is.
  [[nodiscard]] virtual bool submit(Bytes records, Urgency urgency, Done done) = 0;
  // Lower bound of the position of everything that is submitted from now on.
  virtual LogPosition end() const = 0;
};

}  // namespace dragonfly
