// The real-time window of many VMs, where their rows lie: copying them out would cost more than reading them.
#include <algorithm>
#include <array>
#include <optional>
#include <tuple>

#include "live/head/vm_head.h"

namespace dragonfly {

WindowSummary Head::summarize(std::span<const VmId> vms, Timestamp now, Duration window) {
  constexpr Duration kTick(1);
  WindowSummary out;
  for (const VmId vm : vms) {
    VmHead* const found = find_head(vm);
    if (found == nullptr) continue;
    VmHead& head = *found;
    const Timestamp end = now + Duration(head.vm.clock_offset_ns.load(std::memory_order_relaxed)) + kTick;
    read_window(head, {end - window, end});
    out.add(window_);
  }
  return out;
}

void Head::read_window(VmHead& head, TimeRange range) {
  window_rows_.clear();
  // The newest row before the window, of each group: the first of the window has a rate, too. One further back than a
  // window is not looked for.
  std::array<std::optional<WindowRow>, std::size(kCatalogueGroups) + 1> before;
  const auto take = [&](const VmRows::Entry& entry) {
    if (entry.time >= range.end || !is_catalogue_group(entry.series->group) || !entry.series->device.empty()) return;
    const WindowRow row{entry.series->group, entry.time, entry.boot, entry.fields};
    if (entry.time >= range.begin) return window_rows_.push_back(row);
    auto& newest = before[static_cast<size_t>(row.group)];
    if (!newest || newest->time <= row.time) newest = row;
  };
  const Timestamp from = range.begin - (range.end - range.begin);
  head.rows.visit_since(from, take);
  const size_t in_order = window_rows_.size();
  head.late.visit_since(from, take);
  if (window_rows_.size() > in_order) {
    // Stable: what came last of one time stays last.
    std::ranges::stable_sort(window_rows_, {}, [](const WindowRow& row) { return std::pair(row.group, row.time); });
    const auto same = [](const WindowRow& a, const WindowRow& b) { return a.group == b.group && a.time == b.time; };
    const auto kept = std::unique(window_rows_.rbegin(), window_rows_.rend(), same);
    window_rows_.erase(window_rows_.begin(), kept.base());
  }
  window_.clear();
  for (const auto& row : before) {
    if (row) window_.set_before(row->group, row->time, row->boot, row->fields);
  }
  for (const WindowRow& row : window_rows_) window_.add_row(row.group, row.time, row.boot, row.fields);
}

}  // namespace dragonfly
