#include "edge/agent/tick_schedule.h"

#include <algorithm>

#include "base/core/assert.h"

namespace dragonfly {
namespace {

// Agent ids of one batch may differ in few bits only; every bit of the phase shall depend on all of them.
uint64_t mix(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

}  // namespace

TickSchedule::TickSchedule(uint64_t agent_id, Duration interval) : spread_id_(mix(agent_id)) { lay_grid(interval); }

void TickSchedule::set_interval(Duration interval, Timestamp wall) {
  lay_grid(interval);
  // A slot that lies behind would carry what is measured now.
  if (last_ms_) last_ms_ = std::max(*last_ms_, slot_at(unix_ms(wall)));
}

void TickSchedule::lay_grid(Duration interval) {
  interval_ms_ = std::chrono::duration_cast<std::chrono::milliseconds>(interval).count();
  DF_ASSERT(interval_ms_ > 0);
  phase_ms_ = (static_cast<int64_t>(spread_id_ % static_cast<uint64_t>(interval_ms_)) + moved_ms_) % interval_ms_;
  late_max_ms_ = std::max(interval_ms_ / 2, std::min<int64_t>(interval_ms_, 1000));
}

int64_t TickSchedule::slot_at(int64_t wall_ms) const {
  const int64_t since = wall_ms - phase_ms_;
  const int64_t into = (since % interval_ms_ + interval_ms_) % interval_ms_;
  return wall_ms - into;
}

Timestamp TickSchedule::first(Timestamp wall) {
  last_ms_ = unix_ms(wall);
  return from_unix_ms(*last_ms_);
}

std::optional<Timestamp> TickSchedule::due(Timestamp wall) {
  const int64_t now_ms = unix_ms(wall);
  if (last_ms_ && now_ms <= *last_ms_ - interval_ms_) {
    ++moved_ms_;
    phase_ms_ = (phase_ms_ + 1) % interval_ms_;
    last_ms_.reset();
  }
  const int64_t slot = slot_at(now_ms);
  if (last_ms_ && slot <= *last_ms_) return std::nullopt;
  last_ms_ = slot;
  if (now_ms - slot > late_max_ms_) return std::nullopt;
  return from_unix_ms(slot);
}

Duration TickSchedule::until_next(Timestamp wall) const {
  const int64_t now_ms = unix_ms(wall);
  int64_t next = slot_at(now_ms) + interval_ms_;
  if (last_ms_ && next <= *last_ms_) next += interval_ms_;
  const Duration wait = from_unix_ms(next) - wall;
  return std::clamp<Duration>(wait, Duration(0), std::chrono::milliseconds(interval_ms_));
}

}  // namespace dragonfly
