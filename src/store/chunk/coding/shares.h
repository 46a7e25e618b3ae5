// Shares: percentages that come from whole ticks of one number that is not among the columns, found again. A processor's
// shares are k / N of the ticks of the interval: k is a small number where the percentage looks like noise.
// Internal to store/chunk.
#pragma once

#include <span>
#include <vector>

#include "store/chunk/coding/numbers.h"

namespace dragonfly::chunk {

struct Shares {
  Form form = Form::kShareHundredths;
  std::vector<uint64_t> wholes;              // N of each row.
  std::vector<std::vector<uint64_t>> parts;  // k of each column and row.
};

// `columns` are doubles, 100 together but for rounding. `ticks` = about how many a row has; 0 = not known.
// False where they do not look like shares, or where nothing would be won.
bool find_shares(std::span<const std::span<const uint64_t>> columns, uint64_t ticks, Shares& out);

}  // namespace dragonfly::chunk
