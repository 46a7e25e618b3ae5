// Windows: one statistic of every catalogue field over the newest interval of many VMs, as collectors aggregate them.
//
// Units      times in each VM's clock.
// Ownership  the reader outlives the call.
// Threading  blocks until the reader answered; never on a shard's thread.
// Errors     none: a group that could not be read counts its VMs as unanswered.
// Limits     those of the reader; the caller bounds the VMs.
#pragma once

#include <cstdint>
#include <span>

#include "model/flow/series_reader.h"
#include "query/statistics/statistics.h"

namespace dragonfly {

struct WindowVm {
  VmId id = VmId::kNone;
  Timestamp now{};  // In the VM's clock.
};

struct WindowsAnswer {
  uint64_t rows = 0;        // In the windows, of all groups.
  uint64_t values = 0;      // Fields that had one.
  uint64_t unanswered = 0;  // VMs of which a group could not be read.
};

// Windows are (now - window, now]. Counters are rates between rows of the window: looking for the row before it would copy
// several times as many rows.
WindowsAnswer read_windows(SeriesReader& reader, std::span<const WindowVm> vms, Statistic statistic, Duration window,
                           Duration timeout);

}  // namespace dragonfly
