// Probes: where samples are born. A ProbeSet reads this machine's 52 metrics and hands them out as rows.
//
// Units      each metric's own (model/catalogue); percentages are whole hundredths. Counters are running totals.
// Ownership  copies its options; the caller keeps one vector of rows and has it refilled.
// Threading  one object, one thread.
// Errors     what cannot be read or parsed is absent from its row, never 0, and counted in stats(). A group of which
//            nothing could be read has no row. Nothing is thrown.
// Limits     kProbeDevicesMax devices with rows of their own in each group (all count in the VM's row), names of up to
//            kProbeDeviceNameMax bytes, sources of less than kProbeSourceBytesMax bytes.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/core/time.h"
#include "model/row/row.h"

namespace dragonfly {

inline constexpr size_t kProbeDevicesMax = 256;
inline constexpr size_t kProbeDeviceNameMax = 31;  // The kernel's own limit; all names fit into one dictionary.
inline constexpr size_t kProbeSourceBytesMax = 8 << 20;

// Sizes of a mounted file system, in bytes.
struct FileSystemSize {
  uint64_t total = 0;
  uint64_t used = 0;
  uint64_t free = 0;  // Free to ordinary users, so total may be more than used + free.
};
// nullopt where the file system cannot be asked. `path` starts with ProbeOptions::root.
using FileSystemSizeFunction = std::function<std::optional<FileSystemSize>(const std::string& path)>;
std::optional<FileSystemSize> system_file_system_size(const std::string& path);

struct ProbeOptions {
  std::string root = "/";   // Where proc, sys, run and etc are looked for.
  uint64_t ticks_hz = 0;    // Clock ticks a second in <root>/proc/stat; 0 = this machine's.
  uint64_t page_bytes = 0;  // Bytes of a page in <root>/proc/vmstat; 0 = this machine's.
  FileSystemSizeFunction file_system_size = system_file_system_size;
};

struct ProbeStats {
  uint64_t missing = 0;       // Sources that were not there or could not be read.
  uint64_t malformed = 0;     // Sources of which nothing could be understood.
  uint64_t too_large = 0;     // Sources over kProbeSourceBytesMax; not used.
  uint64_t cpu_repeated = 0;  // Asked again too soon for new percentages: the previous ones were given.
  uint64_t cpu_skipped = 0;   // The CPU ticks fell or the set of CPUs changed: no percentages.
  uint64_t devices_over = 0;  // Rows that a device did not get because of kProbeDevicesMax.
};

class ProbeSet {
 public:
  explicit ProbeSet(ProbeOptions options = {});
  ~ProbeSet();
  ProbeSet(const ProbeSet&) = delete;
  ProbeSet& operator=(const ProbeSet&) = delete;

  // Reads everything once. `rows` is refilled: the VM's rows in the order of the groups, then, `with_devices`, one for
  // each disk and each interface that is there now. Every row carries `now`.
  //
  // CPU percentages are shares of the ticks since the collect() before: the first has none, and one that comes within
  // 100 ms (by `monotonic` or by the ticks) repeats those it gave last.
  void collect(Timestamp now, MonotonicTime monotonic, bool with_devices, std::vector<Row>& rows);
  // The same between two of them, without devices: CPU percentages are shares since the last collect(), and the next
  // one measures as if this had not been.
  void peek(Timestamp now, MonotonicTime monotonic, std::vector<Row>& rows);

  // Names of the devices seen so far; Row::device is the position from 1. Disks and interfaces share it, and it only
  // ever grows: a device that comes back has its old index.
  const std::vector<std::string>& devices() const;
  // Changes whenever devices() has grown: a new dictionary is due.
  uint64_t devices_changed() const;

  // The kernel's boot id; empty where there is none.
  std::string boot_id() const;
  // The family, as in the osType of packages: "linux".
  std::string_view os_type() const;
  // For people: "Debian GNU/Linux 12 (bookworm)"; the kernel's name where the system does not say.
  std::string os_name() const;

  const ProbeStats& stats() const;

 private:
  void read(Timestamp now, MonotonicTime monotonic, bool advance, bool with_devices, std::vector<Row>& rows);
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace dragonfly
