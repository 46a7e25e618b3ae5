// SequenceSet: acknowledged row sequences of one spool: all up to `cumulative`, and some ranges above.
//
// Units      row sequences, from 1.
// Ownership  a value.
// Threading  one thread.
// Errors     add() returns false where the set would need more than kRangesMax ranges; it is then unchanged and the
//            rows must not be acknowledged (they come again).
// Limits     kRangesMax ranges kept; the kAckRangesMax lowest go into an ack.
#pragma once

#include <cstdint>
#include <vector>

#include "base/core/bytes.h"
#include "model/frame/frame.h"

namespace dragonfly {

class SequenceSet {
 public:
  static constexpr size_t kRangesMax = 64;
  // [first, last] are done. Merges with what is there.
  bool add(uint64_t first, uint64_t last);
  // Everything below `lowest_kept` will never come again: counts as done.
  void pass(uint64_t lowest_kept);
  bool contains(uint64_t first, uint64_t last) const;
  uint64_t cumulative() const { return cumulative_; }
  const std::vector<SequenceRange>& ranges() const { return ranges_; }
  // varint cumulative · varint count · (gap varint · length varint)…
  void encode(ByteWriter& out) const;
  static bool decode(ByteReader& in, SequenceSet& out);
  bool operator==(const SequenceSet&) const = default;

 private:
  uint64_t cumulative_ = 0;
  std::vector<SequenceRange> ranges_;
};

}  // namespace dragonfly
