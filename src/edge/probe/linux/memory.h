// Memory, swap and paging: proc/meminfo and proc/vmstat.
//
// Units      MemoryInfo in bytes; VmCounters as the kernel counts: pages for swap, 1024 bytes for paging.
// Ownership  values.
// Threading  one object, one thread.
// Errors     nullopt for what the kernel does not give (or gives in a form that is not a number).
// Limits     none.
#pragma once

#include <optional>
#include <string_view>

#include "edge/probe/linux/source.h"

namespace dragonfly::linux_probe {

struct MemoryInfo {
  std::optional<uint64_t> total, free, buffers, cached, shared, reclaimable, swap_total, swap_free;
};
MemoryInfo parse_meminfo(std::string_view text);

struct VmCounters {
  std::optional<uint64_t> swap_in, swap_out, page_in, page_out;
};
VmCounters parse_vmstat(std::string_view text);

class MemoryProbe {
 public:
  explicit MemoryProbe(uint64_t page_bytes) : page_bytes_(page_bytes) {}
  void collect(Root& root, Row& row);

 private:
  const uint64_t page_bytes_;
  SourceFile meminfo_{"proc/meminfo", SourceFile::Records::kOne};
  SourceFile vmstat_{"proc/vmstat", SourceFile::Records::kShortLines};
};

}  // namespace dragonfly::linux_probe
