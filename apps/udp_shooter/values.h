// Values: what a virtual VM measures at its n-th tick: all 52 metrics, a function of (seed, tick) and nothing else, so
// that a frame that has to go again is made again instead of kept. Counters grow (with the interval's change one may
// fall once), shares add up, percentages have two digits behind the point.
//
// Units      as the catalogue's.
// Ownership  fills the caller's rows.
// Threading  pure.
// Errors     none.
// Limits     kRowsPerTick rows.
#pragma once

#include <array>

#include "model/row/row.h"

namespace dragonfly {

inline constexpr uint64_t kRowsPerTick = 5;  // One a catalogue group.
using TickRows = std::array<Row, kRowsPerTick>;

struct TickAt {
  uint64_t tick = 0;
  Duration elapsed{};  // Since tick 0; whole ms, as the interval.
  Duration interval = 2s;
};
void fill_tick(uint64_t seed, const TickAt& at, Timestamp time, TickRows& rows);

// Spreads a number over all 64 bits (the finalizer of splitmix64).
constexpr uint64_t spread_bits(uint64_t value) {
  value += 0x9e3779b97f4a7c15u;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9u;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebu;
  return value ^ (value >> 31);
}

}  // namespace dragonfly
