#include "edge/probe/linux/memory.h"

#include <algorithm>

#include "edge/probe/fields.h"
#include "edge/probe/linux/text.h"

namespace dragonfly::linux_probe {
namespace {

template <class T>
struct Key {
  std::string_view name;
  std::optional<uint64_t> T::*member;
};

constexpr Key<MemoryInfo> kMemoryKeys[] = {
    {"MemTotal:", &MemoryInfo::total},       {"MemFree:", &MemoryInfo::free},
    {"Buffers:", &MemoryInfo::buffers},      {"Cached:", &MemoryInfo::cached},
    {"Shmem:", &MemoryInfo::shared},         {"SReclaimable:", &MemoryInfo::reclaimable},
    {"SwapTotal:", &MemoryInfo::swap_total}, {"SwapFree:", &MemoryInfo::swap_free},
};
constexpr Key<VmCounters> kVmKeys[] = {
    {"pswpin", &VmCounters::swap_in},
    {"pswpout", &VmCounters::swap_out},
    {"pgpgin", &VmCounters::page_in},
    {"pgpgout", &VmCounters::page_out},
};

template <class T, size_t N>
T parse_keys(std::string_view text, const Key<T> (&keys)[N]) {
  T result;
  size_t found = 0;
  while (!text.empty() && found < N) {
    std::string_view line = take_line(text);
    const std::string_view name = take_word(line);
    for (const Key<T>& key : keys) {
      if (name != key.name) continue;
      result.*key.member = take_u64(line);
      ++found;
    }
  }
  return result;
}

void set_if(Row& row, size_t field, std::optional<uint64_t> value, uint64_t unit) {
  if (value) set(row, field, *value * unit);
}

void set_memory(const MemoryInfo& info, Row& row) {
  std::optional<uint64_t> cached = info.cached;
  // Kernels before 2.6.19 do not tell the reclaimable slab apart.
  if (cached) *cached += info.reclaimable.value_or(0);
  set_if(row, memory_field::kTotal, info.total, 1024);
  set_if(row, memory_field::kFree, info.free, 1024);
  set_if(row, memory_field::kShared, info.shared, 1024);
  set_if(row, memory_field::kBuffers, info.buffers, 1024);
  set_if(row, memory_field::kCached, cached, 1024);
  if (info.total && info.free && info.buffers && cached) {
    // The parts are not read at one instant, and a container's may come from different accounts.
    const uint64_t unused = *info.free + *info.buffers + *cached;
    const uint64_t used = *info.total - std::min(*info.total, unused);
    set(row, memory_field::kUsed, used * 1024);
    if (*info.total > 0) set_hundredths(row, memory_field::kUtilization, percent_hundredths(used, *info.total));
  }
  set_if(row, memory_field::kSwapFree, info.swap_free, 1024);
  if (info.swap_total && info.swap_free) {
    const uint64_t used = *info.swap_total - std::min(*info.swap_total, *info.swap_free);
    set(row, memory_field::kSwapUsed, used * 1024);
    set_hundredths(row, memory_field::kSwapUtilization,
                   *info.swap_total == 0 ? 0 : percent_hundredths(used, *info.swap_total));
  }
}

}  // namespace

MemoryInfo parse_meminfo(std::string_view text) { return parse_keys(text, kMemoryKeys); }
VmCounters parse_vmstat(std::string_view text) { return parse_keys(text, kVmKeys); }

void MemoryProbe::collect(Root& root, Row& row) {
  if (const auto text = root.read(meminfo_)) {
    const MemoryInfo info = parse_meminfo(*text);
    if (!info.total) ++root.stats.malformed;
    set_memory(info, row);
  }
  if (const auto text = root.read(vmstat_)) {
    const VmCounters counters = parse_vmstat(*text);
    set_if(row, memory_field::kSwapIn, counters.swap_in, page_bytes_);
    set_if(row, memory_field::kSwapOut, counters.swap_out, page_bytes_);
    set_if(row, memory_field::kPageIn, counters.page_in, 1024);
    set_if(row, memory_field::kPageOut, counters.page_out, 1024);
  }
}

}  // namespace dragonfly::linux_probe
