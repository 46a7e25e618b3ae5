#include "bench/dataset/dataset.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/core/assert.h"

namespace dragonfly::bench {

std::optional<DatasetSpec> DatasetSpec::named(char name, Timestamp end, uint64_t scale) {
  DatasetSpec out;
  out.end = end;
  const auto smaller = [&](uint64_t whole) { return std::max<uint64_t>(1, whole / std::max<uint64_t>(1, scale)); };
  switch (name) {
    case 'S':
      out.vms = smaller(1000);
      out.ticks = 900;
      out.interval = 2s;
      return out;
    case 'M':
      out.vms = smaller(10'000);
      out.ticks = 30;
      out.interval = 10s;
      return out;
    case 'H':
      out.vms = 100;
      out.ticks = smaller(2880);
      out.interval = 30s;
      return out;
    default: return std::nullopt;
  }
}

uint64_t DatasetSpec::samples() const { return vms * ticks * catalogue().size(); }

std::map<std::string, std::string> VmNames::labels() const {
  return {{"nsId", ns}, {"mcisId", mcis}, {"vmId", vm}, {"osType", os}, {"cspType", csp}, {"region", region}};
}

VmNames Dataset::names(uint64_t number) {
  static constexpr std::string_view kCsps[] = {"aws", "azure", "gcp", "alibaba", "openstack", "ncp"};
  static constexpr std::string_view kRegions[] = {"east-1", "east-2", "west-1", "central-1"};
  const uint64_t mcis = number / kVmsPerMcis + 1;
  const uint64_t vm = number % kVmsPerMcis + 1;
  const auto csp = kCsps[vm % std::size(kCsps)];
  return {"ns-1",
          fmt::format("mcis-{}", mcis),
          fmt::format("vm-{}-{}", mcis, vm),
          "LINUX",
          std::string(csp),
          fmt::format("{}-{}", csp, kRegions[vm / std::size(kCsps) % std::size(kRegions)])};
}

Timestamp Dataset::first_tick(uint64_t number) const {
  const int64_t interval_ms = spec_.interval / 1ms;
  const int64_t end_ms = unix_ms(spec_.end) / interval_ms * interval_ms;
  const auto phase_ms =
      static_cast<int64_t>(Noise(spec_.seed ^ (number << 20)).below(static_cast<uint64_t>(interval_ms)));
  return from_unix_ms(end_ms - static_cast<int64_t>(spec_.ticks) * interval_ms + phase_ms);
}

VmSource Dataset::source(uint64_t number) const {
  DF_ASSERT(spec_.interval >= kTraceStep && spec_.interval % kTraceStep == 0s);
  VmSource::Options options;
  options.seed = spec_.seed;
  options.number = number;
  options.steps_per_tick = static_cast<uint64_t>(spec_.interval / kTraceStep);
  options.first_tick_ms = unix_ms(first_tick(number));
  options.full_doubles = spec_.full_doubles;
  return VmSource(*trace_, options);
}

Dictionary Dataset::dictionary(uint64_t number) const {
  Dictionary out;
  out.labels = names(number).labels();
  out.boot_id = fmt::format("boot-{}-{}", spec_.seed, number);
  out.interval_ms = static_cast<uint32_t>(spec_.interval / 1ms);
  return out;
}

ColumnSet Dataset::columns(uint64_t number, GroupId group, uint64_t first, uint64_t ticks) const {
  ColumnSet out = ColumnSet::for_group(group);
  const uint64_t boot = dictionary(number).boot();
  VmSource rows_of = source(number);
  TickRows rows;
  for (uint64_t tick = 0; tick < first + ticks; ++tick) {
    rows_of.next(rows);
    if (tick < first) continue;
    const auto row = std::find_if(rows.begin(), rows.end(), [&](const Row& r) { return r.group == group; });
    DF_ASSERT(row != rows.end());
    out.times_ns.push_back(unix_ns(row->time));
    out.boots.push_back(boot);
    for (size_t field = 0; field < row->values.size(); ++field) {
      Column& column = out.columns[field];
      const auto value = row->values[field] ? convert(*row->values[field], column.type) : std::nullopt;
      column.bits.push_back(value ? value->bits : 0);
      column.present.push_back(value ? 1 : 0);
    }
  }
  return out;
}

}  // namespace dragonfly::bench
