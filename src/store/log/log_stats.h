// LogStats: what the log counts of itself.
//
// Units      in the names.
// Ownership  owned by whoever makes the log; outlives it.
// Threading  any thread.
// Errors     none.
// Limits     none.
#pragma once

#include "base/obs/metrics.h"

namespace dragonfly {

struct LogStats {
  Histogram sync_s;       // One fdatasync.
  Counter bytes;          // Durable, marks included.
  Counter batches;        // Durable.
  Counter groups;         // Appends with their sync.
  Counter refused;        // Batches that submit() turned away: the queue was full or the log stopped.
  Counter failed;         // Batches whose callback got an error.
  Counter damaged_bytes;  // Lost to damage, found by replay().
  Gauge queue_bytes;      // Taken and neither durable nor failed yet.
  Gauge disk_bytes;
  Gauge segments;
  Gauge refusing;  // 1 while the newest attempt to write has failed.

  void write(MetricsText& text) const;
  MetricsRegistry::Registration register_metrics(MetricsRegistry& registry) const {
    return registry.add([this](MetricsText& text) { write(text); });
  }
};

}  // namespace dragonfly
