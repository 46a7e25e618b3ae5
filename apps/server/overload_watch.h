// OverloadWatch: whether the server sheds load, and what: differences of counters over the last kWindow.
//
// Units      rows, datagrams.
// Ownership  borrows the stats, which outlive it.
// Threading  look(): one thread, about every 100 ms. trouble(): any thread; a mutex for a copy of numbers.
// Errors     none.
// Limits     one snapshot a second for kWindow.
#pragma once

#include <deque>
#include <mutex>
#include <string>

#include "base/core/time.h"
#include "ingest/receiver/receiver_stats.h"

namespace dragonfly {

class OverloadWatch {
 public:
  static constexpr Duration kWindow = 10s;

  explicit OverloadWatch(const ReceiverStats& receiver) : receiver_(receiver) {}
  void look(MonotonicTime now);
  // One sentence about the last kWindow; empty: nothing was shed.
  std::string trouble() const;

 private:
  struct Shed {
    MonotonicTime at{};
    uint64_t rows = 0;
    uint64_t socket = 0;
    uint64_t mailbox = 0;
    uint64_t door = 0;
    uint64_t pace = 0;
  };
  Shed read(MonotonicTime now) const;

  const ReceiverStats& receiver_;
  mutable std::mutex mutex_;  // Guards what follows.
  std::deque<Shed> history_;  // Oldest first.
};

}  // namespace dragonfly
