// Where rows wait: memory, and the spool behind it.
#include <algorithm>

#include "edge/agent/association.h"

namespace dragonfly {

BufferedBlock* Association::oldest() {
  for (RowBuffer* const part : {&replay_, &buffer_}) {
    if (!part->empty()) return &part->blocks().front();
  }
  return nullptr;
}

uint64_t Association::lowest_kept() const {
  uint64_t out = buffer_.lowest_kept();
  if (spool_ != nullptr && spool_->waiting()) out = std::min(out, spool_->lowest_waiting());
  if (!replay_.empty()) out = std::min(out, replay_.lowest_kept());
  return out;
}

uint64_t Association::rows_waiting() const {
  return buffer_.rows() + replay_.rows() + (spool_ != nullptr ? spool_->rows_waiting() : 0);
}

// What is on disk may leave the memory; what is not is lost.
void Association::trim(MonotonicTime now) {
  uint64_t dropped = 0;
  while (buffer_.over_limit()) {
    const BufferedBlock& front = buffer_.blocks().front();
    if (front.spooled) {
      spool_->left_memory(front.first_sequence, front.rows);
    } else {
      dropped += front.rows;
    }
    buffer_.drop_front();
  }
  count_dropped(dropped, now);
}

// While the server is away one block is enough: it is what asks whether the server is there again.
void Association::replay(Moment now) {
  if (spool_ == nullptr || !spool_->waiting()) return;
  const size_t wanted = silent(now.monotonic) ? 1 : kReplayBlocks;
  if (replay_.blocks().size() > wanted / 2) return;
  SpooledBlock spooled;
  while (replay_.blocks().size() < wanted && spool_->next(spooled, now.wall)) {
    const SpoolRows& rows = spooled.rows;
    replay_.skip_to(rows.first_sequence);
    BufferedBlock& block =
        replay_.add(rows.row_block, static_cast<uint32_t>(rows.rows), 0, std::move(spooled.dictionary), now.monotonic);
    make_due(block, now.monotonic);
  }
  count_dropped(0, now.monotonic);
}

}  // namespace dragonfly
