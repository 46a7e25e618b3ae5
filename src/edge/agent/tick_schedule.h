// TickSchedule: when an agent samples, and which time its rows carry.
//
// Ticks lie on a grid in wall time: phase + k * interval, with a phase of the agent's own, so that a fleet does not
// beat at once. A wall clock that jumps ahead (or a suspended machine) gives one tick, not the missed ones. One that
// jumps back by an interval or more moves the grid by 1 ms, so that sampling goes on at once and no time comes twice.
//
// Units      wall time, whole ms.
// Ownership  a value.
// Threading  one thread.
// Errors     none.
// Limits     times stay distinct for as many backward jumps as the interval has ms.
#pragma once

#include <cstdint>
#include <optional>

#include "base/core/time.h"

namespace dragonfly {

class TickSchedule {
 public:
  TickSchedule(uint64_t agent_id, Duration interval);
  // The one tick off the grid: at the start, so that a new VM is seen at once whatever its interval.
  Timestamp first(Timestamp wall);
  // The time of the tick that is due at `wall`; each is given once. One that is late by more than half an interval
  // (but at least 1 s) is left out: its values would carry a wrong time.
  std::optional<Timestamp> due(Timestamp wall);
  // From now on every `interval`: the next tick is the first of the new grid that is still to come.
  void set_interval(Duration interval, Timestamp wall);
  // From `wall` to the next tick, at most an interval.
  Duration until_next(Timestamp wall) const;

 private:
  int64_t slot_at(int64_t wall_ms) const;
  void lay_grid(Duration interval);
  uint64_t spread_id_;
  int64_t moved_ms_ = 0;  // By clocks that jumped back.
  int64_t interval_ms_ = 0;
  int64_t phase_ms_ = 0;
  int64_t late_max_ms_ = 0;
  std::optional<int64_t> last_ms_;
};

}  // namespace dragonfly
