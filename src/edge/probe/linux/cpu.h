// CPU time: proc/stat and the list of online CPUs.
//
// Units      clock ticks; percentages in hundredths.
// Ownership  values.
// Threading  one object, one thread.
// Errors     fields that cannot be known stay absent.
// Limits     none.
#pragma once

#include <array>
#include <optional>
#include <string_view>

#include "edge/probe/linux/source.h"

namespace dragonfly::linux_probe {

// The columns of the line "cpu" in the order of the file. `user` holds `guest` too, and `nice` holds `guest_nice`.
enum CpuColumn : size_t {
  kColumnUser,
  kColumnNice,
  kColumnSystem,
  kColumnIdle,
  kColumnIowait,
  kColumnIrq,
  kColumnSoftirq,
  kColumnSteal,
  kColumnGuest,
  kColumnGuestNice,
  kColumns
};

struct CpuTicks {
  std::array<uint64_t, kColumns> ticks{};
  size_t columns = 0;  // How many the kernel gives: 4 (2.4), 7 (2.6), 8, 9, 10 (since 2.6.33).
  size_t cpus = 0;     // Lines "cpuN".
  uint64_t total() const;
};
std::optional<CpuTicks> parse_stat(std::string_view text);

// Shares of the ticks between two readings, in hundredths; index as CpuColumn, user and nice without their guests.
using CpuShares = std::array<uint64_t, kColumns>;
// nullopt where no share can be known: no ticks, a total that fell, CPUs that came or went.
std::optional<CpuShares> cpu_shares(const CpuTicks& before, const CpuTicks& after);

// Number of CPUs in a list such as "0-3,8".
std::optional<uint64_t> parse_cpu_count(std::string_view list);

class CpuProbe {
 public:
  explicit CpuProbe(uint64_t ticks_hz) : ticks_hz_(ticks_hz) {}
  // Without `advance` the next one measures from where it would have without this one.
  void collect(Root& root, MonotonicTime monotonic, bool advance, Row& row);

 private:
  void forget();
  bool is_too_soon(const CpuTicks& now, MonotonicTime monotonic) const;
  void update(const CpuTicks& now, MonotonicTime monotonic, ProbeStats& stats);
  void set_shares(const CpuShares& shares, size_t columns, Row& row) const;

  const uint64_t ticks_hz_;
  SourceFile stat_{"proc/stat", SourceFile::Records::kOne};
  SourceFile online_{"sys/devices/system/cpu/online", SourceFile::Records::kOne};
  std::optional<CpuTicks> before_;
  MonotonicTime before_at_{};
  std::optional<CpuShares> shares_;
};

}  // namespace dragonfly::linux_probe
