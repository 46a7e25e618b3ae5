// The real-time window of many VMs, where their rows lie: copying them out would cost more than reading them.
#include <algorithm>
#include <tuple>

#include "live/head/vm_head.h"

namespace dragonfly {

WindowSummary Head::summarize(std::span<const VmId> vms, Timestamp now, Duration window) {
  constexpr Duration kTick(1);
  WindowSummary out;
  for (const VmId vm : vms) {
    const auto found = heads_.find(static_cast<uint32_t>(vm));
    if (found == heads_.end()) continue;
    VmHead& head = *found->second;
    const Timestamp end = now + Duration(head.vm.clock_offset_ns.load(std::memory_order_relaxed)) + kTick;
    read_window(head, {end - window, end});
    out.add(window_);
  }
  return out;
}

void Head::read_window(VmHead& head, TimeRange range) {
  window_rows_.clear();
  const auto take = [&](const VmRows::Entry& entry) {
    if (entry.time < range.begin || entry.time >= range.end) return;
    if (!is_catalogue_group(entry.series->group) || !entry.series->device.empty()) return;
    window_rows_.push_back({entry.series->group, entry.time, entry.boot, entry.fields});
  };
  head.rows.visit_since(range.begin, take);
  const size_t in_order = window_rows_.size();
  head.late.visit_since(range.begin, take);
  if (window_rows_.size() > in_order) {
    // Stable: what came last of one time stays last.
    std::ranges::stable_sort(window_rows_, {}, [](const WindowRow& row) { return std::pair(row.group, row.time); });
    const auto same = [](const WindowRow& a, const WindowRow& b) { return a.group == b.group && a.time == b.time; };
    const auto kept = std::unique(window_rows_.rbegin(), window_rows_.rend(), same);
    window_rows_.erase(window_rows_.begin(), kept.base());
  }
  window_.clear();
  for (const WindowRow& row : window_rows_) window_.add_row(row.group, row.time, row.boot, row.fields);
}

}  // namespace dragonfly
