#include "edge/agent/row_buffer.h"

#include <algorithm>

#include "base/core/assert.h"

namespace dragonfly {

BufferedBlock& RowBuffer::add(ByteView block, uint32_t rows, uint64_t request_id,
                              std::shared_ptr<SentDictionary> dictionary, MonotonicTime now) {
  DF_ASSERT(rows > 0);
  BufferedBlock added;
  added.first_sequence = next_sequence_;
  added.rows = rows;
  added.request_id = request_id;
  added.dictionary = std::move(dictionary);
  if (!spares_.empty()) {
    added.block = std::move(spares_.back());
    spares_.pop_back();
  }
  added.block.assign(block.begin(), block.end());
  added.added = now;
  next_sequence_ += rows;
  rows_ += rows;
  bytes_ += cost(added);
  return blocks_.emplace_back(std::move(added));
}

void RowBuffer::skip_to(uint64_t sequence) {
  DF_ASSERT(sequence >= next_sequence_);
  next_sequence_ = sequence;
}

uint64_t RowBuffer::expire(MonotonicTime now) {
  uint64_t dropped = 0;
  while (!blocks_.empty() && now - blocks_.front().added > limits_.age_max) {
    dropped += blocks_.front().rows;
    drop_front();
  }
  return dropped;
}

uint64_t RowBuffer::acknowledge(uint64_t cumulative, std::span<const SequenceRange> ranges) {
  const auto first_from = [&](uint64_t sequence) {  // First block that begins at or above `sequence`.
    return static_cast<size_t>(
        std::lower_bound(blocks_.begin(), blocks_.end(), sequence,
                         [](const BufferedBlock& block, uint64_t s) { return block.first_sequence < s; }) -
        blocks_.begin());
  };
  const auto first_ending_above = [&](uint64_t sequence) {
    const size_t begins_above = first_from(sequence + 1);
    const bool straddles = begins_above > 0 && blocks_[begins_above - 1].last_sequence() > sequence;
    return straddles ? begins_above - 1 : begins_above;
  };
  uint64_t freed = free_range(0, first_ending_above(cumulative));
  for (const SequenceRange& range : ranges)
    freed += free_range(first_from(range.first), first_ending_above(range.last));
  return freed;
}

uint64_t RowBuffer::free_range(size_t begin, size_t end) {
  if (begin >= end) return 0;
  uint64_t freed = 0;
  for (size_t i = begin; i < end; ++i) {
    BufferedBlock& block = blocks_[i];
    freed += block.rows;
    if (block.carried_dictionary) block.dictionary->known = true;
    release(block);
  }
  blocks_.erase(blocks_.begin() + static_cast<std::ptrdiff_t>(begin),
                blocks_.begin() + static_cast<std::ptrdiff_t>(end));
  return freed;
}

void RowBuffer::release(BufferedBlock& block) {
  bytes_ -= cost(block);
  rows_ -= block.rows;
  if (spares_.size() < kSpares) spares_.push_back(std::move(block.block));
}

void RowBuffer::drop_front() {
  release(blocks_.front());
  blocks_.pop_front();
}

}  // namespace dragonfly
