// ShardHead: the newest rows of one shard's VMs, as the shard and the readers see them.
//
// Units      ns.
// Ownership  copies the rows' bytes; one copy a row.
// Threading  every call is made on the shard's own thread.
// Errors     none: what reaches a head was checked at the door.
// Limits     see the implementation's options.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "base/core/time.h"
#include "model/flow/directory.h"
#include "model/flow/log_record.h"

namespace dragonfly {

class ShardHead {
 public:
  virtual ~ShardHead() = default;
  // Takes the rows of one committed record. `dictionary` may be null where it was lost; device rows are then dropped and
  // counted.
  virtual void apply(const RowsRecord& record, VmEntry& vm, const KnownDictionary* dictionary,
                     LogPosition position) = 0;
  // The same for what the log holds at the start: nothing is counted as received now, nothing as late.
  virtual void restore(const RowsRecord& record, VmEntry& vm, const KnownDictionary* dictionary,
                       LogPosition position) = 0;
  // Asks for the memory that apply() will need of the VM, in two steps: the second looks at what the first asked for.
  virtual void fetch_vm(const VmEntry&) const {}
  virtual void fetch_rows(const VmEntry&) const {}
  // Seals what is due; called every 100 ms. Its turn is bounded (a slice of the VMs each time).
  virtual void tick(MonotonicTime now) = 0;
  // So many bytes wait for the store that no more are taken. What comes all the same is kept.
  virtual bool is_full() const = 0;
  // Position of the oldest record of which a row is not in the store yet; nullopt = everything is.
  virtual std::optional<LogPosition> oldest_unsealed() const = 0;
};

}  // namespace dragonfly
