// ReplayWindow: which packet numbers of a session were seen, for the newest 1024 of them.
//
// Units      packet numbers, from 1.
// Ownership  a value of 144 bytes.
// Threading  one thread.
// Errors     none.
// Limits     kWidth numbers; what is older counts as seen.
// Source     the idea of RFC 4303 section 3.4.3 (sliding window).
#pragma once

#include <array>
#include <cstdint>

namespace dragonfly {

class ReplayWindow {
 public:
  static constexpr uint64_t kWidth = 1024;
  // Everything up to and including `highest` counts as seen: how a window starts, and starts again after a restart.
  void close_below(uint64_t highest);
  // Whether `packet` may still be taken; 0 never may.
  bool is_new(uint64_t packet) const;
  // Marks it as seen. Call only after the frame has opened: an attacker must not move the window.
  void mark(uint64_t packet);
  uint64_t highest() const { return highest_; }

 private:
  uint64_t highest_ = 0;
  std::array<uint64_t, kWidth / 64> seen_{};  // Bit packet % kWidth.
};

}  // namespace dragonfly
