#include "store/log/log_stats.h"

namespace dragonfly {

void LogStats::write(MetricsText& text) const {
  const auto gauge = [&](const char* name, const char* help, const Gauge& value) {
    text.gauge(name, help, static_cast<double>(value.value()));
  };
  text.histogram("dragonfly_log_sync_seconds", "Time of one sync of the log.", sync_s);
  text.counter("dragonfly_log_bytes_total", "Bytes made durable in the log.", bytes);
  text.counter("dragonfly_log_batches_total", "Batches made durable in the log.", batches);
  text.counter("dragonfly_log_groups_total", "Groups of batches: one write and one sync each.", groups);
  text.counter("dragonfly_log_refused_total", "Batches not taken because the log's queue was full or it had stopped.",
               refused);
  text.counter("dragonfly_log_failed_total", "Batches that could not be written (disk full, disk budget, I/O error).",
               failed);
  text.counter("dragonfly_log_damaged_bytes_total", "Bytes of the log that were found damaged at start.",
               damaged_bytes);
  gauge("dragonfly_log_queue_bytes", "Bytes that wait for their sync.", queue_bytes);
  gauge("dragonfly_log_disk_bytes", "Size of the log on disk.", disk_bytes);
  gauge("dragonfly_log_segments", "Files of the log.", segments);
  gauge("dragonfly_log_refusing", "1 while the log cannot write.", refusing);
}

}  // namespace dragonfly
