// Window: what an interval of one VM says of its catalogue metrics, row by row in one pass, and the same across VMs.
//
// The rules of rates are counter.h's. Only rows of the VM itself
// count, not those of its devices. Values that are not finite count as absent.
//
// Units      gauges in their metric's unit, counters in that unit per second.
// Ownership  values.
// Threading  an object belongs to one thread.
// Errors     none: fields that are malformed or of another type than their column are absent.
// Limits     the 52 metrics of the catalogue; later fields are not counted.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "base/core/bytes.h"
#include "base/core/time.h"
#include "model/catalogue/catalogue.h"
#include "model/rollup/counter.h"

namespace dragonfly {

inline constexpr size_t kCatalogueMetrics = 52;

// Index of a metric in catalogue(); kCatalogueMetrics where the catalogue has no such field.
size_t metric_index(GroupId group, size_t field);

// One VM.
class VmWindow {
 public:
  struct Sums {
    uint32_t count = 0;
    double sum = 0;  // Of a counter: the increase.
    double seconds = 0;
    double min = 0;
    double max = 0;
    double last = 0;
    double avg(MetricKind kind) const { return sum / (kind == MetricKind::kCounter ? seconds : count); }
  };

  void clear();
  // A row before the window: it only tells what the counters were. Before the rows of its group.
  void set_before(GroupId group, Timestamp time, uint64_t boot, ByteView fields);
  // Rows of one group come in ascending order of time, one a time.
  void add_row(GroupId group, Timestamp time, uint64_t boot, ByteView fields);
  const Sums& of(size_t metric) const { return sums_[metric]; }
  uint32_t rows() const { return rows_; }

 private:
  struct Last {
    CounterReading reading;
    bool there = false;
  };
  // use(index of the metric, its number, its bits in the column's type) for each value of a row.
  template <class Use>
  static void walk_row(GroupId group, ByteView fields, Use&& use);

  std::array<Sums, kCatalogueMetrics> sums_{};
  std::array<Last, kCatalogueMetrics> before_{};
  uint32_t rows_ = 0;
};

// Many VMs, unweighted: each counts with its own statistics.
struct WindowSummary {
  struct Metric {
    uint32_t vms = 0;  // That have a value; the others are not counted.
    double avg_sum = 0;
    double min = 0;
    double max = 0;
    double last_sum = 0;
    double avg() const { return avg_sum / vms; }
    double last() const { return last_sum / vms; }
  };
  uint64_t rows = 0;
  std::array<Metric, kCatalogueMetrics> metrics{};

  void add(const VmWindow& vm);
  void add(const WindowSummary& other);
};

}  // namespace dragonfly
