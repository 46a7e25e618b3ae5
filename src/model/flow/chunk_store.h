// ChunkStore: where heads are sealed to.
//
// Units      ns, bytes.
// Ownership  batches are moved in, and out again with the answer.
// Threading  append(): any thread; it queues. `done` runs on the store's thread and should only pass on.
//            put_metadata(), read_metadata(), checkpoint(): one thread at a time (the checkpointer), blocking.
// Errors     kNoSpace, kIo: nothing of the batch was stored; the heads keep it and try again.
// Limits     the queue, in batches; append() returns false when it is full.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/core/result.h"
#include "model/flow/log_record.h"
#include "model/flow/vm.h"
#include "model/row/column_set.h"

namespace dragonfly {

// Rows of one series on their way from head to chunk; sorted, one a time.
struct SealedRows {
  VmId vm = VmId::kNone;
  GroupId group = GroupId::kCpu;
  std::string device;
  ColumnSet rows;
  bool late = false;  // May hold times that the store holds already.
};

struct SealOutcome {
  uint64_t rows_stored = 0;
  uint64_t rows_duplicate = 0;  // Of late rows: the store had that (series, time) already.
};

class ChunkStore {
 public:
  // `batch` comes back for its memory; what its rows are then is not said.
  using Done = std::function<void(Result<SealOutcome>, std::vector<SealedRows> batch)>;
  virtual ~ChunkStore() = default;
  [[nodiscard]] virtual bool append(std::vector<SealedRows> batch, Done done) = 0;

  // Metadata by key (keys of one kind share a prefix ending in '/'), durable with the next checkpoint.
  // After an error some may have been put: put them all again.
  struct Metadata {
    std::string key;
    Bytes value;
  };
  virtual Result<> put_metadata(std::span<const Metadata> entries) = 0;
  using Visit = std::function<void(std::string_view key, ByteView value)>;
  virtual Result<> visit_metadata(std::string_view prefix, const Visit& visit) = 0;

  // Makes everything appended and put before durable, and remembers that the log below `log_begin` is not needed any more.
  virtual Result<> checkpoint(LogPosition log_begin) = 0;
  // Of the last checkpoint; 0 for a new store.
  virtual LogPosition log_begin() const = 0;
};

}  // namespace dragonfly
