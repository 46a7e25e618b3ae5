// HeadStats: what a head counts; one object for all shards (relaxed atomics).
//
// Units      in the metrics' names.
// Ownership  owned by the wiring; outlives what counts in it.
// Threading  any thread: relaxed atomics.
// Errors     none.
// Limits     none.
#pragma once

#include "base/obs/metrics.h"

namespace dragonfly {

struct HeadStats {
  Counter rows_stored;           // In the head in order, or found new by the store when they were late.
  Counter rows_recovered;        // Taken from the log at the start.
  Counter rows_duplicate;        // Late, and already there.
  Gauge rows_pending;            // Late and not classed yet.
  Counter rows_unknown_device;   // Dropped: their dictionary does not name the device.
  Counter rows_over_series_max;  // Dropped: the VM has too many series.
  Counter seals;                 // VMs sealed.
  Counter seals_refused;         // The store's queue was full or its disk is; tried again.
};

}  // namespace dragonfly
