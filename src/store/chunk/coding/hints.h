// Hints: which columns of a catalogue group follow from others. An encoder tries them; a reader needs none, for a chunk
// names what it was predicted from. Internal to store/chunk.
#pragma once

#include <array>
#include <span>

#include "model/catalogue/catalogue.h"

namespace dragonfly::chunk {

struct HintTerm {
  uint16_t field;
  bool negative;
};

// field = ± other fields, and something that does not change much.
struct SumHint {
  uint16_t field;
  std::span<const HintTerm> terms;
};

// field = percentage of `part` in the sum of `whole`.
struct RatioHint {
  uint16_t field;
  uint16_t part;
  std::span<const uint16_t> whole;
};

// Percentages of one hidden number of ticks. `rest` = 100 - idle; all of `parts`, with idle, add up to the whole.
struct SharesHint {
  uint16_t rest;
  uint16_t idle;
  uint16_t largest;  // Of `parts`: what is left of the others.
  std::span<const uint16_t> parts;
  uint16_t processors;  // How many give ticks, 100 a second.
};

struct GroupHints {
  std::span<const SumHint> sums;
  std::span<const RatioHint> ratios;
  const SharesHint* shares = nullptr;
};
GroupHints hints_of(GroupId group);

}  // namespace dragonfly::chunk
