#include "edge/probe/linux/cpu.h"

#include <algorithm>

#include "edge/probe/fields.h"
#include "edge/probe/linux/text.h"

namespace dragonfly::linux_probe {
namespace {

constexpr Duration kTooSoon = 100ms;

// Guests' ticks are in user and nice already.
constexpr size_t kColumnsOfTotal = kColumnSteal + 1;

constexpr struct {
  CpuColumn column;
  size_t field;
} kFields[] = {
    {kColumnUser, cpu_field::kUser},           {kColumnNice, cpu_field::kNice},     {kColumnSystem, cpu_field::kSystem},
    {kColumnIdle, cpu_field::kIdle},           {kColumnIowait, cpu_field::kIowait}, {kColumnIrq, cpu_field::kHintr},
    {kColumnSoftirq, cpu_field::kSintr},       {kColumnSteal, cpu_field::kSteal},   {kColumnGuest, cpu_field::kGuest},
    {kColumnGuestNice, cpu_field::kGuestNice},
};

}  // namespace

uint64_t CpuTicks::total() const {
  uint64_t sum = 0;
  for (size_t i = 0; i < kColumnsOfTotal; ++i) sum += ticks[i];
  return sum;
}

std::optional<CpuTicks> parse_stat(std::string_view text) {
  std::optional<CpuTicks> result;
  size_t cpus = 0;
  while (!text.empty()) {
    std::string_view line = take_line(text);
    // The lines of CPUs come first; what follows is long and not ours.
    if (!line.starts_with("cpu")) break;
    const std::string_view name = take_word(line);
    if (name != "cpu") {
      ++cpus;
      continue;
    }
    CpuTicks ticks;
    while (ticks.columns < kColumns) {
      const auto value = take_u64(line);
      if (!value) break;
      ticks.ticks[ticks.columns++] = *value;
    }
    if (ticks.columns > kColumnIdle) result = ticks;
  }
  if (result) result->cpus = cpus;
  return result;
}

std::optional<CpuShares> cpu_shares(const CpuTicks& before, const CpuTicks& after) {
  if (after.columns != before.columns || after.cpus != before.cpus || after.total() < before.total())
    return std::nullopt;
  // Single columns may go back (idle and iowait are estimates): such a one has had no time.
  CpuShares delta{};
  uint64_t whole = 0;
  for (size_t i = 0; i < after.columns; ++i) {
    delta[i] = after.ticks[i] > before.ticks[i] ? after.ticks[i] - before.ticks[i] : 0;
    if (i < kColumnsOfTotal) whole += delta[i];
  }
  if (whole == 0) return std::nullopt;
  delta[kColumnGuest] = std::min(delta[kColumnGuest], delta[kColumnUser]);
  delta[kColumnGuestNice] = std::min(delta[kColumnGuestNice], delta[kColumnNice]);
  delta[kColumnUser] -= delta[kColumnGuest];
  delta[kColumnNice] -= delta[kColumnGuestNice];
  for (uint64_t& share : delta) share = percent_hundredths(share, whole);
  return delta;
}

std::optional<uint64_t> parse_cpu_count(std::string_view list) {
  uint64_t count = 0;
  if (!for_each_range(list, [&](uint64_t first, uint64_t last) { count += last - first + 1; })) return std::nullopt;
  return count;
}

// A handful of ticks makes shares of noise; the interval goes on until it is long enough.
bool CpuProbe::is_too_soon(const CpuTicks& now, MonotonicTime monotonic) const {
  const uint64_t total_before = before_->total();
  const uint64_t total_now = now.total();
  const bool same_machine = total_now >= total_before && now.cpus == before_->cpus && now.columns == before_->columns;
  return same_machine && (monotonic - before_at_ < kTooSoon || total_now - total_before < ticks_hz_ / 10);
}

void CpuProbe::update(const CpuTicks& now, MonotonicTime monotonic, ProbeStats& stats) {
  if (!before_) {
    before_ = now;
    before_at_ = monotonic;
    return;
  }
  if (is_too_soon(now, monotonic)) {
    ++stats.cpu_repeated;
    return;
  }
  shares_ = cpu_shares(*before_, now);
  if (!shares_) ++stats.cpu_skipped;
  before_ = now;
  before_at_ = monotonic;
}

void CpuProbe::collect(Root& root, MonotonicTime monotonic, bool advance, Row& row) {
  std::optional<uint64_t> cpus;
  std::optional<CpuShares> peeked;
  if (const auto text = root.read(stat_)) {
    if (const auto ticks = parse_stat(*text)) {
      if (advance) {
        update(*ticks, monotonic, root.stats);
      } else if (before_ && !is_too_soon(*ticks, monotonic)) {
        peeked = cpu_shares(*before_, *ticks);
      }
      if (ticks->cpus > 0) cpus = ticks->cpus;
    } else {
      ++root.stats.malformed;
      if (advance) forget();
    }
  } else if (advance) {
    forget();
  }
  if (const auto list = root.read_optional(online_)) {
    if (const auto count = parse_cpu_count(*list)) cpus = count;
  }
  if (cpus) set(row, cpu_field::kNum, *cpus);
  const std::optional<CpuShares>& shares = peeked ? peeked : shares_;
  if (shares && before_) set_shares(*shares, before_->columns, row);
}

void CpuProbe::forget() {
  before_.reset();
  shares_.reset();
}

void CpuProbe::set_shares(const CpuShares& shares, size_t columns, Row& row) const {
  for (const auto& [column, field] : kFields) {
    if (column < columns) set_hundredths(row, field, shares[column]);
  }
  set_hundredths(row, cpu_field::kUtilization, 10000 - shares[kColumnIdle]);
}

}  // namespace dragonfly::linux_probe
