#include "model/frame/replay_window.h"

#include <cstddef>

namespace dragonfly {
namespace {

uint64_t bit(uint64_t packet) { return uint64_t{1} << packet % 64; }
size_t word(uint64_t packet) { return packet % ReplayWindow::kWidth / 64; }

}  // namespace

void ReplayWindow::close_below(uint64_t highest) {
  if (highest >= highest_) {
    highest_ = highest;
    seen_.fill(~uint64_t{0});
    return;
  }
  // The window has moved past `highest` already: close what it still holds of the old numbers.
  const uint64_t oldest = highest_ < kWidth ? 1 : highest_ - kWidth + 1;
  for (uint64_t packet = oldest; packet <= highest; ++packet) seen_[word(packet)] |= bit(packet);
}

bool ReplayWindow::is_new(uint64_t packet) const {
  if (packet == 0) return false;
  if (packet > highest_) return true;
  if (highest_ - packet >= kWidth) return false;
  return (seen_[word(packet)] & bit(packet)) == 0;
}

void ReplayWindow::mark(uint64_t packet) {
  if (packet == 0) return;
  if (packet > highest_) {
    if (packet - highest_ >= kWidth) {
      seen_.fill(0);
    } else {
      for (uint64_t skipped = highest_ + 1; skipped < packet; ++skipped) seen_[word(skipped)] &= ~bit(skipped);
    }
    highest_ = packet;
  } else if (highest_ - packet >= kWidth) {
    return;  // Its place belongs to a newer number.
  }
  seen_[word(packet)] |= bit(packet);
}

}  // namespace dragonfly
