// SeriesReader: questions to whatever holds rows (heads, chunks, a remote store).
//
// Units      ns.
// Ownership  answers are moved to the caller.
// Threading  read() and read_rollups() may be called from any thread and return at once; `done` is called exactly once,
//            on a thread of the reader's choice, and should only pass on. The …_and_wait() block: never call them on a
//            shard's thread.
// Errors     kResourceExhausted (rows_max), kTimeout, kUnavailable (also: cancelled), kIo, kCorruption.
// Limits     rows_max in all series together, rows or rollups.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "base/core/cancellation.h"
#include "base/core/result.h"
#include "base/core/time.h"
#include "model/catalogue/catalogue.h"
#include "model/flow/vm.h"
#include "model/rollup/counter.h"
#include "model/rollup/rollup.h"
#include "model/row/column_set.h"

namespace dragonfly {

// Which series, and what of them.
struct SeriesSelection {
  std::vector<VmId> vms;
  GroupId group = GroupId::kCpu;
  // Field numbers that are wanted, strictly ascending: column i of the answer is fields[i], and rows that have none of
  // them may be missing. A field that a reader does not know is a column without values (of any type). Empty = all
  // fields: column i is field i.
  std::vector<uint16_t> fields;
  enum class Devices { kVmOnly, kAll, kNamed } devices = Devices::kVmOnly;
  std::vector<std::string> device_names;  // For kNamed.
  // Gives a piece of the read's work to the thread that waits for the answer; false: it waits no more. Null: the reader's
  // threads do all of it.
  std::function<bool(const std::function<void()>& work)> helper;
};

// By the thread that waits, where there is one, else by whoever `others` gives it to; false: by nobody.
template <class Others>
bool hand_over(const SeriesSelection& read, const std::function<void()>& work, Others&& others) {
  return (read.helper && read.helper(work)) || others(work);
}

struct ReadRequest : SeriesSelection {
  TimeRange range{};
  // For the rates of the first rows: also, for each wanted field that is a counter (kinds_of), the last row before
  // range.begin that has it, where there is one within `previous_within`.
  Duration previous_within{0};
  size_t rows_max = 10'000'000;
  Cancellation cancellation;  // Looked at between pieces of work; then the answer is kUnavailable.
};

// Rows of one series, sorted, one a time. Those before range.begin (each is the last of some field, or is there by
// chance) only tell what counters were.
struct SeriesRows {
  VmId vm = VmId::kNone;
  std::string device;  // Empty = the VM itself.
  ColumnSet rows;
};

struct ReadAnswer {
  std::vector<SeriesRows> series;          // Ordered by vm, device; only those with rows.
  std::vector<std::string> missing_parts;  // Why the answer is partial; empty = it is whole.
};

// Ranges of one VM: ascending, apart from each other, whole UTC hours cut to the range that was asked for.
struct VmRanges {
  VmId vm = VmId::kNone;
  std::vector<TimeRange> ranges;
};

// `fields` holds at least one.
struct RollupRequest : SeriesSelection {
  TimeRange range{};  // Of whole minutes.
  // A multiple of 1 min. The answer's rows are rollups of any periods that divide it, the coarser the better; each lies
  // in the range as a whole, so that hours and days that the range cuts come from a finer tier.
  Duration period = std::chrono::minutes(1);
  RollupParts parts = kAllRollupParts;
  size_t rows_max = 10'000'000;
  Cancellation cancellation;
  // Of these hours newer rows are known than the reader has: it leaves them out, and need not name them. Ordered by vm.
  std::vector<VmRanges> excluded;
};

// Rollups of one series: the columns are rollup_columns(kinds_of(group, fields), parts); sorted, none overlaps another.
struct SeriesRollups {
  VmId vm = VmId::kNone;
  std::string device;
  ColumnSet rows;
};

struct RollupAnswer {
  std::vector<SeriesRollups> series;  // Ordered by vm, device; only those with rows, none of them in an uncovered hour.
  // Where raw rows have to be read instead; ordered by vm, only those with ranges. An hour is covered where the rollups
  // say all that the reader has of it, so also where it has nothing, or where only rollups are left.
  std::vector<VmRanges> uncovered;
  std::vector<std::string> missing_parts;
};

class SeriesReader {
 public:
  using Done = std::function<void(Result<ReadAnswer>)>;
  using RollupDone = std::function<void(Result<RollupAnswer>)>;
  virtual ~SeriesReader() = default;
  virtual void read(ReadRequest request, Done done) = 0;
  // As read(). The default is that of a reader without rollups: nothing is covered.
  virtual void read_rollups(RollupRequest request, RollupDone done);
};

// Adds ranges to ranges: ascending and apart from each other afterwards.
void unite(std::vector<TimeRange>& to, const std::vector<TimeRange>& from);
// The whole hours that `range` touches, cut to it, as one range of each VM.
std::vector<VmRanges> all_uncovered(const std::vector<VmId>& vms, TimeRange range);

// Merges several readers of the same rows: later ones in `parts` win where a field of one time comes twice. One part's
// error is the answer's. One part is asked after the other, the last first: rows move from the later parts (heads) to the
// earlier (the store), so that none can slip between.
//   read          the merge runs on the thread of the part that answers last.
//   read_rollups  each part with what those before it did not cover as `excluded`. Of a series of which two parts have
//                 rollups, those of the later part are taken.
class MergedReader final : public SeriesReader {
 public:
  explicit MergedReader(std::vector<SeriesReader*> parts) : parts_(std::move(parts)) {}
  void read(ReadRequest request, Done done) override;
  void read_rollups(RollupRequest request, RollupDone done) override;

 private:
  const std::vector<SeriesReader*> parts_;
};

// Who waits may do the reader's work meanwhile: for a few rows handing them from thread to thread costs more than they do.
// Work that has begun is not broken off by the timeout.
enum class Waiting { kIdle, kHelps };
// kTimeout where `done` was not called in time: the request is cancelled, a later answer is dropped.
Result<ReadAnswer> read_and_wait(SeriesReader& reader, ReadRequest request, Duration timeout,
                                 Waiting waiting = Waiting::kIdle);
Result<RollupAnswer> read_rollups_and_wait(SeriesReader& reader, RollupRequest request, Duration timeout,
                                           Waiting waiting = Waiting::kIdle);

}  // namespace dragonfly
