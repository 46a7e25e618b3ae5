// ShooterReport: what came of a run.
//
// Units      in the names; times from the first sending of a frame to its ack, for the frames that asked for one at
//            once (the others wait for the server's patience, not for its work).
// Ownership  values.
// Threading  one thread.
// Errors     none.
// Limits     AckTimes is exact to 1.6 %, up to 1 h.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "base/core/time.h"
#include "process_watch.h"

namespace dragonfly {

class AckTimes {
 public:
  void add(Duration time);
  uint64_t count() const { return count_; }
  // The time in ms that `share` (0 to 1) of all do not exceed; 0 where there are none.
  double percentile_ms(double share) const;
  double max_ms() const { return static_cast<double>(max_us_) / 1000.0; }

 private:
  static constexpr uint64_t kSteps = 64;  // An octave has so many buckets.
  static constexpr uint64_t kMaxUs = uint64_t{3600} * 1'000'000;
  std::array<uint64_t, kSteps * 33> buckets_{};
  uint64_t count_ = 0;
  uint64_t max_us_ = 0;
};

struct ShooterReport {
  std::string format;
  bool acknowledged = true;  // The format has acks; without them nothing is known to be lost.
  uint64_t agents = 0;
  double interval_s = 0;       // Of the agents at the end.
  double seconds = 0;          // While rows were made.
  uint64_t rows_sent = 0;      // Each counted once.
  uint64_t frames_sent = 0;    // Likewise.
  uint64_t frames_resent = 0;  // Sendings after the first.
  uint64_t rows_resent = 0;
  uint64_t rows_acked = 0;  // Refused ones included: they do not come again.
  uint64_t frames_acked = 0;
  uint64_t rows_refused = 0;       // As the acks told.
  uint64_t rows_lost = 0;          // Never acknowledged.
  uint64_t datagrams_unsent = 0;   // The kernel did not take them.
  uint64_t datagrams_dropped = 0;  // On purpose, both ways.
  uint64_t acks = 0;
  uint64_t acks_malformed = 0;  // Not of our server, or not readable.
  AckTimes ack_times;
  double late_max_ms = 0;            // How far this program was behind its own schedule.
  double cpu_s = 0;                  // Of this program.
  int server_pid = 0;                // 0: not asked for.
  std::optional<ProcessUse> server;  // CPU during the run, memory at its end; absent where it was not there throughout.

  std::string to_json() const;
};

}  // namespace dragonfly
