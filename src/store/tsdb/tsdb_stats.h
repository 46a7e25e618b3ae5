// What the chunk store counts.
//
// Units      in the names.
// Ownership  part of the store.
// Threading  any thread.
// Errors     none.
// Limits     none.
#pragma once

#include <array>

#include "base/obs/metrics.h"

namespace dragonfly {

struct TsdbStats {
  Counter chunks_written;
  Counter rows_written;
  Counter rows_duplicate;
  Counter batches_failed;
  Counter chunks_damaged;  // Met while reading; a chunk that is read twice counts twice.
  Counter reads;
  Counter reads_failed;
  Gauge queue_batches;
  Histogram checkpoint_time;
  Counter hours_merged;
  Counter chunks_merged;
  Histogram merge_time;
  std::array<Counter, 5> tier_rows_written;  // By tier.
};

}  // namespace dragonfly
