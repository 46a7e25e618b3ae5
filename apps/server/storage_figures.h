// StorageFigures: how much the data take, how fast that grows, and when the disk will be full, looked at once a minute.
//
// Units      bytes; days.
// Ownership  values.
// Threading  look(): one thread. The rest: any thread.
// Errors     none: what cannot be read counts as 0.
// Limits     GrowthWindow::kSamplesMax samples.
#pragma once

#include <deque>
#include <mutex>
#include <optional>

#include "base/fs/file.h"
#include "base/obs/metrics.h"
#include "base/rt/clock.h"

namespace dragonfly {

// Growth over the last day, or since the start.
class GrowthWindow {
 public:
  static constexpr size_t kSamplesMax = 24 * 60;
  static constexpr Duration kShortest = 1h;  // Before that a checkpoint more or less would say too much.

  void add(MonotonicTime at, uint64_t bytes, uint64_t rows);
  // nullopt: not known yet.
  std::optional<double> bytes_a_day() const;
  std::optional<double> bytes_a_row() const;

 private:
  struct Sample {
    MonotonicTime at;
    uint64_t bytes;
    uint64_t rows;
  };
  bool is_long_enough() const;
  std::deque<Sample> samples_;
};

class StorageFigures {
 public:
  static constexpr Duration kInterval = 1min;
  static constexpr double kDaysWarned = 7;

  StorageFigures(Path data, const Clock& clock) : data_(std::move(data)), clock_(clock) {}
  // Does nothing before its time. `rows`: stored since the start.
  void look(uint64_t rows);
  // nullopt: not known yet, or the data do not grow.
  std::optional<double> days_to_full() const;
  // For health; empty = nothing to worry about.
  std::string warning() const;
  void write_metrics(MetricsText& text) const;

 private:
  std::optional<double> days_to_full_locked() const;

  const Path data_;
  const Clock& clock_;
  std::optional<MonotonicTime> looked_;
  mutable std::mutex mutex_;  // Guards what follows: one thread looks, any asks.
  uint64_t store_bytes_ = 0;
  uint64_t log_bytes_ = 0;
  uint64_t free_bytes_ = 0;
  GrowthWindow growth_;
};

}  // namespace dragonfly
