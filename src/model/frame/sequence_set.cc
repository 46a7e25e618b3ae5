#include "model/frame/sequence_set.h"

#include <algorithm>

namespace dragonfly {

bool SequenceSet::add(uint64_t first, uint64_t last) {
  if (first == 0 || last < first || last > kSequenceMax) return false;
  if (last <= cumulative_) return true;
  first = std::max(first, cumulative_ + 1);
  // Ranges [from, to) touch the new one (overlap it or are its neighbours) and become one with it.
  const auto from = std::lower_bound(ranges_.begin(), ranges_.end(), first,
                                     [](const SequenceRange& range, uint64_t value) { return range.last + 1 < value; });
  auto to = from;
  SequenceRange merged{first, last};
  for (; to != ranges_.end() && to->first <= last + 1; ++to) {
    merged.first = std::min(merged.first, to->first);
    merged.last = std::max(merged.last, to->last);
  }
  if (merged.first == cumulative_ + 1) {  // Then nothing lies below it.
    cumulative_ = merged.last;
    ranges_.erase(from, to);
    return true;
  }
  if (from != to) {
    *from = merged;
    ranges_.erase(from + 1, to);
    return true;
  }
  if (ranges_.size() == kRangesMax) return false;
  ranges_.insert(from, merged);
  return true;
}

void SequenceSet::pass(uint64_t lowest_kept) {
  if (lowest_kept > 1) add(1, std::min(lowest_kept - 1, kSequenceMax));  // Only ever shortens the list.
}

bool SequenceSet::contains(uint64_t first, uint64_t last) const {
  if (first == 0 || last < first) return false;
  if (last <= cumulative_) return true;
  // Ranges are never neighbours, neither of each other nor of what is below cumulative_: one must hold it all.
  const auto range = std::lower_bound(ranges_.begin(), ranges_.end(), first,
                                      [](const SequenceRange& r, uint64_t value) { return r.last < value; });
  return range != ranges_.end() && range->first <= first && last <= range->last;
}

void SequenceSet::encode(ByteWriter& out) const {
  out.varint(cumulative_);
  encode_ranges(out, cumulative_, ranges_);
}

bool SequenceSet::decode(ByteReader& in, SequenceSet& out) {
  out.cumulative_ = in.varint();
  out.ranges_.clear();
  return in.ok() && out.cumulative_ <= kSequenceMax && decode_ranges(in, out.cumulative_, kRangesMax, out.ranges_);
}

}  // namespace dragonfly
