// RowBuffer: rows that the server has not acknowledged yet, in blocks that each fit into one frame, oldest first.
//
// Units      limits in bytes (blocks and bookkeeping) and ns of monotonic time.
// Ownership  owns its blocks; a reference to one dies with the next call that is not const.
// Threading  one thread.
// Errors     none; what had to go is returned and the caller counts it.
// Limits     bytes_max and age_max: beyond them the caller takes the oldest away. The newest block always stays.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <vector>

#include "base/core/bytes.h"
#include "base/core/time.h"
#include "edge/agent/dictionary_set.h"
#include "model/frame/frame.h"

namespace dragonfly {

struct RowBufferLimits {
  size_t bytes_max = 4 << 20;
  Duration age_max = 24h;
};

// Everything of a RowsBody before the row block, without the dictionary's bytes; five varints of up to 10 bytes.
inline constexpr size_t kRowsOverheadMax = 8 + 10 + 10 + 10 + 10 + 8 + 3;

struct BufferedBlock {
  uint64_t first_sequence = 0;
  uint32_t rows = 0;
  uint32_t sends = 0;
  uint64_t request_id = 0;
  bool carried_dictionary = false;  // In at least one of its sends.
  bool asked = false;               // Its last send asked for an ack at once.
  bool spooled = false;             // On disk as well.
  std::shared_ptr<SentDictionary> dictionary;
  Bytes block;
  MonotonicTime added{};
  MonotonicTime last_sent{};
  MonotonicTime due{};  // When to send it (again).

  uint64_t last_sequence() const { return first_sequence + rows - 1; }
};

class RowBuffer {
 public:
  explicit RowBuffer(RowBufferLimits limits, uint64_t first_sequence = 1)
      : limits_(limits), next_sequence_(first_sequence) {}

  // Takes a copy of `block`, whose rows get the next sequences.
  BufferedBlock& add(ByteView block, uint32_t rows, uint64_t request_id, std::shared_ptr<SentDictionary> dictionary,
                     MonotonicTime now);
  // The rows of the next block begin at `sequence`; never below next_sequence().
  void skip_to(uint64_t sequence);
  bool over_limit() const { return bytes_ > limits_.bytes_max && blocks_.size() > 1; }
  void drop_front();
  // Drops what is older than age_max; returns how many rows.
  uint64_t expire(MonotonicTime now);
  // Frees the blocks whose rows are all acknowledged; returns how many rows. Their dictionaries become known where
  // they travelled along.
  uint64_t acknowledge(uint64_t cumulative, std::span<const SequenceRange> ranges);

  // The sequence of the next row.
  uint64_t next_sequence() const { return next_sequence_; }
  // Everything below was acknowledged or dropped.
  uint64_t lowest_kept() const { return blocks_.empty() ? next_sequence_ : blocks_.front().first_sequence; }
  bool empty() const { return blocks_.empty(); }
  bool half_full() const { return bytes_ > limits_.bytes_max / 2; }
  size_t bytes() const { return bytes_; }
  uint64_t rows() const { return rows_; }
  std::deque<BufferedBlock>& blocks() { return blocks_; }
  const std::deque<BufferedBlock>& blocks() const { return blocks_; }

 private:
  static constexpr size_t kSpares = 8;
  static size_t cost(const BufferedBlock& block) { return sizeof block + block.block.capacity(); }
  void release(BufferedBlock& block);
  uint64_t free_range(size_t begin, size_t end);

  RowBufferLimits limits_;
  std::deque<BufferedBlock> blocks_;
  std::vector<Bytes> spares_;  // Storage of freed blocks, so that a connected agent does not allocate each tick.
  uint64_t next_sequence_;
  size_t bytes_ = 0;
  uint64_t rows_ = 0;
};

}  // namespace dragonfly
