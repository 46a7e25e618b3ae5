#include "surface/api/latest.h"

#include <algorithm>
#include <cstdlib>

#include "surface/api/subject.h"

namespace dragonfly {
namespace {

constexpr Duration kReadTimeout = 20s;
// VMs whose clocks are further off are read one by one, so that one wrong clock does not widen everybody's range.
constexpr Duration kOffsetMax = 30s;
constexpr size_t kVmsAtOnce = 2000;

struct Window {
  const VmEntry* vm;
  TimeRange range;  // In its own clock.
};

Window window_of(const ApiParts& parts, const VmEntry& vm, const PolicySet& policy) {
  const Duration interval = interval_of(vm, policy);
  const Timestamp now = now_of(vm, parts.clock);
  const Duration span = std::max(policy.server.collector_interval, 3 * interval);
  return {&vm, {now - span, now + interval}};
}

Result<> read_windows(const ApiParts& parts, const std::vector<Window>& windows, GroupId group, Statistic statistic,
                      std::map<VmId, FieldValues>& out) {
  if (windows.empty()) return {};
  ReadRequest request;
  request.group = group;
  request.range = windows.front().range;
  std::map<VmId, TimeRange> ranges;
  for (const Window& window : windows) {
    request.vms.push_back(window.vm->id);
    request.range.begin = std::min(request.range.begin, window.range.begin);
    request.range.end = std::max(request.range.end, window.range.end);
    ranges[window.vm->id] = window.range;
  }
  request.previous_within = kCounterGapMax;
  const auto answer = read_and_wait(parts.reader, std::move(request), kReadTimeout, Waiting::kHelps);
  if (!answer) return fail(answer.error());
  for (const SeriesRows& series : answer->series) {
    const auto kinds = kinds_of(group, series.rows.columns.size());
    WindowValues values = window_statistic(series.rows, kinds, statistic, ranges[series.vm]);
    if (values.newest) out[series.vm] = std::move(values.fields);
  }
  return {};
}

// VMs whose clocks are nearly right together, so many at a time; the others each alone.
Result<std::map<VmId, FieldValues>> values_of(const ApiParts& parts, const std::vector<Window>& windows, GroupId group,
                                              Statistic statistic) {
  std::map<VmId, FieldValues> out;
  std::vector<Window> together;
  for (const Window& window : windows) {
    if (std::abs(window.vm->clock_offset_ns.load(std::memory_order_relaxed)) > kOffsetMax.count()) {
      DF_TRY(read_windows(parts, {window}, group, statistic, out));
      continue;
    }
    together.push_back(window);
    if (together.size() < kVmsAtOnce) continue;
    DF_TRY(read_windows(parts, together, group, statistic, out));
    together.clear();
  }
  DF_TRY(read_windows(parts, together, group, statistic, out));
  return out;
}

}  // namespace

Result<std::map<VmId, FieldValues>> latest_values(const ApiParts& parts, std::span<const SelectedVm> vms,
                                                  GroupId group) {
  const auto policy = parts.policy();
  const MonotonicTime now = parts.clock.monotonic();
  std::vector<Window> windows;
  for (const SelectedVm& vm : vms) {
    if (state_of(*vm.entry, *policy, now) != VmState::kSilent) windows.push_back(window_of(parts, *vm.entry, *policy));
  }
  return values_of(parts, windows, group, Statistic::kLast);
}

Result<std::map<VmId, FieldValues>> real_time_values(const ApiParts& parts, const std::vector<SelectedVm>& vms,
                                                     GroupId group, Statistic statistic) {
  constexpr Duration kTick(1);
  const Duration window = parts.policy()->server.collector_interval;
  std::vector<Window> windows;
  for (const SelectedVm& vm : vms) {
    const Timestamp now = now_of(*vm.entry, parts.clock);
    windows.push_back({vm.entry, {now - window + kTick, now + kTick}});
  }
  return values_of(parts, windows, group, statistic);
}

}  // namespace dragonfly
