// SeriesReader: questions to whatever holds rows (heads, chunks, a remote store).
//
// Units      ns.
// Ownership  answers are moved to the caller.
// Threading  read() may be called from any thread and returns at once; `done` is called exactly once, on a thread of
//            the reader's choice, and should only pass on. read_and_wait() blocks: never call it on a shard's thread.
// Errors     kResourceExhausted (rows_max), kTimeout, kUnavailable, kIo, kCorruption.
// Limits     rows_max in all series together.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/core/result.h"
#include "base/core/time.h"
#include "model/catalogue/catalogue.h"
#include "model/flow/vm.h"
#include "model/row/column_set.h"

namespace dragonfly {

struct ReadRequest {
  std::vector<VmId> vms;
  GroupId group = GroupId::kCpu;
  enum class Devices { kVmOnly, kAll, kNamed } devices = Devices::kVmOnly;
  std::vector<std::string> device_names;  // For kNamed.
  TimeRange range{};
  // Also the last row before range.begin of each series, where there is one within `previous_within` (for rates).
  Duration previous_within{0};
  size_t rows_max = 10'000'000;
};

// Rows of one series, sorted, one a time; those before range.begin come first (at most one).
struct SeriesRows {
  VmId vm = VmId::kNone;
  std::string device;  // Empty = the VM itself.
  ColumnSet rows;
};

struct ReadAnswer {
  std::vector<SeriesRows> series;          // Ordered by vm, device; only those with rows.
  std::vector<std::string> missing_parts;  // Why the answer is partial; empty = it is whole.
};

class SeriesReader {
 public:
  using Done = std::function<void(Result<ReadAnswer>)>;
  virtual ~SeriesReader() = default;
  virtual void read(ReadRequest request, Done done) = 0;
};

// Merges several readers of the same rows: later ones in `parts` win where a field of one time comes twice. All parts
// are asked at once; the merge runs on the thread of the part that answers last. One part's error is the answer's.
class MergedReader final : public SeriesReader {
 public:
  explicit MergedReader(std::vector<SeriesReader*> parts) : parts_(std::move(parts)) {}
  void read(ReadRequest request, Done done) override;

 private:
  const std::vector<SeriesReader*> parts_;
};

// kTimeout where `done` was not called in time; a later answer is dropped.
Result<ReadAnswer> read_and_wait(SeriesReader& reader, ReadRequest request, Duration timeout);

}  // namespace dragonfly
