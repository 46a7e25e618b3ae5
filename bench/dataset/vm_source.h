// VmSource: the rows of one VM of a data set, tick after tick.
//
// A VM replays the trace from its own phase, with its own size, activity and noise. Percentages come from whole ticks
// of processor time, counters grow by whole numbers, memory moves in pages. What a VM does in a step depends on (seed,
// VM number, step) alone, so that every run, and every program that asks, sees the same rows.
//
// Units      as the catalogue's; times in ms.
// Ownership  borrows the trace.
// Threading  one thread.
// Errors     none.
// Limits     kRowsPerTick rows a tick.
#pragma once

#include <array>

#include "bench/dataset/trace.h"
#include "model/row/row.h"

namespace dragonfly::bench {

inline constexpr uint64_t kRowsPerTick = 5;  // One a catalogue group, in the catalogue's order.
using TickRows = std::array<Row, kRowsPerTick>;

// Numbers that look like chance: splitmix64.
class Noise {
 public:
  explicit Noise(uint64_t seed) : state_(seed) {}
  uint64_t next() {
    uint64_t x = state_ += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
  }
  // [0, bound)
  uint64_t below(uint64_t bound) { return next() % bound; }
  // [0, 1)
  double share() { return static_cast<double>(next() >> 11) * 0x1p-53; }
  double between(double low, double high) { return low + (high - low) * share(); }
  bool chance(double probability) { return share() < probability; }
  // `value`, rounded up or down so that the mean is right.
  uint64_t whole(double value) { return static_cast<uint64_t>(value + share()); }

 private:
  uint64_t state_;
};

enum class Activity : uint8_t { kIdle, kMedium, kBusy };

// What does not change.
struct VmProfile {
  Activity activity = Activity::kIdle;
  double factor = 0;  // Of what the trace's machine did.
  uint64_t cpus = 1;
  uint64_t memory_pages = 0;
  uint64_t used_pages = 0;  // At rest; likewise below.
  uint64_t buffer_pages = 0;
  uint64_t cached_pages = 0;
  uint64_t shared_pages = 0;
  uint64_t swap_pages = 0;
  uint64_t disk_blocks = 0;
  uint64_t disk_reserved_blocks = 0;  // For root alone.
  uint64_t disk_used_blocks = 0;
  uint64_t processes = 0;
  uint64_t users = 0;
  uint64_t megahertz_hundredths = 0;
  double packets_per_s = 0;
  bool swaps = false;
  bool niced = false;
  bool stolen_from = false;
  bool drops = false;
  bool users_change = false;
  bool frequency_changes = false;

  static VmProfile make(uint64_t seed, uint64_t number);
};

class VmSource {
 public:
  struct Options {
    uint64_t seed = 1;
    uint64_t number = 0;  // Of the VM.
    uint64_t steps_per_tick = 1;
    int64_t first_tick_ms = 0;
    bool full_doubles = false;  // Percentages as they come out of the division.
  };
  VmSource(const Trace& trace, const Options& options);

  const VmProfile& profile() const { return profile_; }
  // Fills the rows of the next tick.
  void next(TickRows& rows);

 private:
  struct Ticks {
    uint64_t user = 0, nice = 0, system = 0, iowait = 0, softirq = 0, steal = 0, all = 0;
  };
  void step();
  double now_factor();
  void step_cpu(const TraceStep& step, double factor);
  void step_memory(const TraceStep& step, double factor);
  void step_disk(const TraceStep& step, double factor);
  void step_network(const TraceStep& step, double factor);
  Value percent(uint64_t part, uint64_t whole) const;
  void fill_cpu(Row& row) const;
  void fill_memory(Row& row) const;
  void fill_disk(Row& row) const;
  void fill_network(Row& row) const;

  const Trace* trace_;
  Options options_;
  VmProfile profile_;
  Noise noise_;
  uint64_t at_ = 0;    // Step of the trace that is next.
  uint64_t tick_ = 0;  // That is next.
  double pass_factor_ = 1;

  Ticks ticks_;  // Within the tick.
  uint64_t uptime_hundredths_ = 0;
  uint64_t load_1m_ = 0, load_5m_ = 0, load_15m_ = 0;
  uint64_t running_ = 1, processes_ = 0, users_ = 0, megahertz_hundredths_ = 0;
  uint64_t used_pages_ = 0, buffer_pages_ = 0, cached_pages_ = 0, shared_pages_ = 0, swapped_pages_ = 0;
  uint64_t swap_in_pages_ = 0, swap_out_pages_ = 0;
  uint64_t disk_used_blocks_ = 0, disk_grown_blocks_ = 0;
  uint64_t reads_ = 0, kib_read_ = 0, read_ms_ = 0, writes_ = 0, kib_written_ = 0, write_ms_ = 0;
  uint64_t bytes_in_ = 0, bytes_out_ = 0, packets_in_ = 0, packets_out_ = 0;
  uint64_t errors_in_ = 0, errors_out_ = 0, drops_in_ = 0, drops_out_ = 0;
};

}  // namespace dragonfly::bench
