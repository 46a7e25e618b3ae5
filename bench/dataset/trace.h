// Trace: what a real machine did, step by step: growth of its counters, and where its gauges stood. What the VMs of
// a data set are made from (bench/trace/README.md).
//
// Units      a step is 2 s; processor time in ticks of 10 ms, load averages in hundredths, sizes as named.
// Ownership  owns its steps.
// Threading  immutable once read.
// Errors     read: kNotFound, kCorruption names the line and what is wrong.
// Limits     kStepsMax steps.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/core/result.h"
#include "base/core/time.h"

namespace dragonfly::bench {

inline constexpr Duration kTraceStep = 2s;

struct TraceStep {
  // Growth within the step.
  uint64_t user_ticks = 0;  // With those of niced processes.
  uint64_t system_ticks = 0;
  uint64_t iowait_ticks = 0;
  uint64_t softirq_ticks = 0;
  uint64_t all_ticks = 0;
  uint64_t uptime_hundredths = 0;
  uint64_t reads = 0;
  uint64_t kib_read = 0;
  uint64_t read_ms = 0;
  uint64_t writes = 0;
  uint64_t kib_written = 0;
  uint64_t write_ms = 0;
  uint64_t packets_in = 0;
  uint64_t packets_out = 0;
  // At the step's end.
  uint64_t load_1m = 0;
  uint64_t load_5m = 0;
  uint64_t load_15m = 0;
  uint64_t running = 0;
  uint64_t processes = 0;
  uint64_t used_pages = 0;  // Of memory, 4 KiB each: total - free - buffers - cached.
  uint64_t buffer_pages = 0;
  uint64_t cached_pages = 0;
  uint64_t file_system_blocks = 0;  // In use, 4 KiB each.

  bool operator==(const TraceStep&) const = default;
};

struct Trace {
  static constexpr size_t kStepsMax = 100'000;

  std::vector<TraceStep> steps;
  TraceStep lowest;  // Of the gauges.
  uint64_t cpus = 1;
  uint64_t memory_pages = 1;

  // Text as bench/trace/pack writes it.
  static Result<Trace> parse(std::string_view text);
  static Result<Trace> read(const std::string& file);
};

// The trace that lies in the source tree.
Result<Trace> shipped_trace();

}  // namespace dragonfly::bench
