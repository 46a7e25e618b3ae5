// Inside query/statistics: reads the buckets of some series from rollups where there are any, and from rows elsewhere.
//
// Units      as statistics.h.
// Ownership  borrows the reader for the call.
// Threading  blocks; see questions.h.
// Errors     the reader's; kTimeout.
// Limits     ReadLimits: rows or rollups in one read.
#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/core/cancellation.h"
#include "base/core/result.h"
#include "base/rt/clock.h"
#include "model/flow/series_reader.h"
#include "query/statistics/questions.h"
#include "query/statistics/statistics.h"

namespace dragonfly {

// How long a question may take, and how much it may read.
struct ReadLimits {
  const Clock& clock;
  MonotonicTime deadline;
  Cancellation cancellation;
  size_t rows_max = kRowsPerReadMax;
  Waiting waiting = Waiting::kIdle;
  // Whether it makes sense to begin another read.
  Result<> check() const {
    if (cancellation.cancelled()) return fail(ErrorCode::kUnavailable, "nobody waits for the answer any more");
    if (left() == Duration::zero())
      return fail(ErrorCode::kTimeout, "the question takes too long; ask for a shorter range or fewer VMs");
    return {};
  }
  Duration left() const { return std::max(deadline - clock.monotonic(), Duration::zero()); }
};

// Of each series of `select` (whose fields are named) its buckets of `step` over the range.
struct TieredRead {
  SeriesSelection select;
  TimeRange range{};
  Duration step{};  // > 0
  Statistic statistic = Statistic::kAvg;
  ReadLimits limits;
};

struct BucketSeries {
  VmId vm = VmId::kNone;
  std::string device;
  std::vector<Bucket> buckets;  // Column i = select.fields[i].
};

struct TieredAnswer {
  std::vector<BucketSeries> series;  // Ordered by vm, device; only those with buckets.
  std::vector<std::string> missing_parts;
  bool used_rollups = false;
};

Result<TieredAnswer> read_buckets(SeriesReader& reader, const TieredRead& read);

// The coarsest tier from which such buckets may be taken. Null: only rows can say it, as a bucket is no whole number of
// minutes, or the statistic is p95.
struct RollupTier {
  std::string_view name;
  Duration period;
};
const RollupTier* coarsest_tier(Duration step, Statistic statistic);

// How far before a range counters are looked for.
Duration look_back(std::span<const MetricKind> kinds);

// Adds those that are not there yet.
void add_missing(std::vector<std::string>& to, std::vector<std::string>& from);

}  // namespace dragonfly
