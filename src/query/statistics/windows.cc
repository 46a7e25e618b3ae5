#include "query/statistics/windows.h"

#include <algorithm>
#include <unordered_map>

namespace dragonfly {
namespace {

constexpr Duration kTick(1);

void add_series(const SeriesRows& series, GroupId group, Statistic statistic, TimeRange window, WindowsAnswer& out) {
  const auto values = window_statistic(series.rows, kinds_of(group, series.rows.columns.size()), statistic, window);
  out.values +=
      static_cast<uint64_t>(std::ranges::count_if(values.fields, [](const auto& v) { return v.has_value(); }));
  out.rows += static_cast<uint64_t>(std::ranges::count_if(
      series.rows.times_ns, [&](int64_t ns) { return ns >= unix_ns(window.begin) && ns < unix_ns(window.end); }));
}

}  // namespace

WindowsAnswer read_windows(SeriesReader& reader, std::span<const WindowVm> vms, Statistic statistic, Duration window,
                           Duration timeout) {
  WindowsAnswer out;
  if (vms.empty()) return out;
  std::unordered_map<VmId, Timestamp> now_of;
  ReadRequest request;
  request.range = {Timestamp::max(), Timestamp::min()};
  for (const WindowVm& vm : vms) {
    now_of[vm.id] = vm.now;
    request.vms.push_back(vm.id);
    request.range.begin = std::min(request.range.begin, vm.now - window + kTick);
    request.range.end = std::max(request.range.end, vm.now + kTick);
  }
  bool failed = false;
  for (const GroupId group : kCatalogueGroups) {
    request.group = group;
    const auto read = read_and_wait(reader, request, timeout);
    failed = failed || !read;
    if (!read) continue;
    for (const SeriesRows& series : read->series) {
      const Timestamp now = now_of.at(series.vm);
      add_series(series, group, statistic, {now - window + kTick, now + kTick}, out);
    }
  }
  if (failed) out.unanswered = vms.size();
  return out;
}

}  // namespace dragonfly
